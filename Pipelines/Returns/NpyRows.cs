using System.Buffers.Binary;
using System.Text;

namespace Durable.Pipelines.Returns;

/// <summary>A training set as one structured numpy array, written row by row. For a Python without a Parquet reader.</summary>
/// <remarks>Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. The number of rows is filled in at
/// the end.</remarks>
internal sealed class NpyRows : IAsyncDisposable
{
    private const int Header = 256,
        Row = 8 + 8 + (6 * 8) + (ReturnsShape.Features * 4);
    private readonly FileStream file;
    private readonly byte[] row = new byte[Row];
    private int rows;

    public NpyRows(string path)
    {
        file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        file.Write(HeaderOf(0));
    }

    public void Add(TrainingRow values)
    {
        Span<byte> target = row;
        BinaryPrimitives.WriteInt64LittleEndian(target, Microseconds(values.Ts));
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], Microseconds(values.BaseTs));
        for (int i = 0; i < values.Targets.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(target[(16 + (8 * i))..], values.Targets[i]);
        for (int i = 0; i < values.Features.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(target[(64 + (4 * i))..], values.Features[i]);
        file.Write(row);
        rows++;
    }

    public async ValueTask DisposeAsync()
    {
        file.Seek(0, SeekOrigin.Begin);
        file.Write(HeaderOf(rows));
        await file.DisposeAsync();
    }

    private static long Microseconds(DateTime utc) => (utc - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static byte[] HeaderOf(int rows)
    {
        string text =
            $"{{'descr': [('ts', '<i8'), ('base_ts', '<i8'), ('targets', '<f8', (6,)), ('features', '<f4', ({ReturnsShape.Features},))], "
            + $"'fortran_order': False, 'shape': ({rows},), }}";
        byte[] header = new byte[Header];
        byte[] magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];
        magic.CopyTo(header, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), Header - 10);
        Encoding.ASCII.GetBytes(text.PadRight(Header - 11) + '\n').CopyTo(header, 10);
        return header;
    }
}
