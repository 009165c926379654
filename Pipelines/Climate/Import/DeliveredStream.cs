using System.Buffers.Binary;

namespace Durable.Pipelines.Climate.Import;

/// <summary>A file as it arrives: its first bytes can be peeked before reading, and its last four after the end. Asynchronous reads
/// only.</summary>
internal sealed class DeliveredStream(Stream content) : Stream
{
    private ReadOnlyMemory<byte> ahead;
    private readonly byte[] last = new byte[4];

    /// <summary>The last four bytes so far as a little-endian number: of a complete gzip file, its inflated length modulo 2³².</summary>
    public uint LastFour => BinaryPrimitives.ReadUInt32LittleEndian(last);

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Up to <paramref name="count"/> bytes from the start, which are read again afterwards.</summary>
    public async Task<ReadOnlyMemory<byte>> PeekAsync(int count, CancellationToken cancellationToken)
    {
        byte[] first = new byte[count];
        return ahead = first.AsMemory(0, await content.ReadAtLeastAsync(first, count, throwOnEndOfStream: false, cancellationToken));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = Math.Min(ahead.Length, buffer.Length);
        if (read > 0)
        {
            ahead[..read].CopyTo(buffer);
            ahead = ahead[read..];
        }
        else
        {
            read = await content.ReadAsync(buffer, cancellationToken);
        }

        Remember(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // The web server forbids synchronous reads: they block a thread per slow sender.
    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Read a delivered file asynchronously.");

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Remember(ReadOnlySpan<byte> read)
    {
        if (read.Length > last.Length)
            read = read[^last.Length..];
        last.AsSpan(read.Length).CopyTo(last);
        read.CopyTo(last.AsSpan(last.Length - read.Length));
    }
}
