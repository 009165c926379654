using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Data;

/// <summary>A file is not the requested .npy array.</summary>
public sealed class NpyFormatException(string message) : PermanentFailureException(message);

/// <summary>NumPy's array file, version 1.0, little-endian, C order. Source:
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.</summary>
internal static partial class NpyFile
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    public static byte[] Write(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape) =>
        Write("<f4", MemoryMarshal.AsBytes(values), shape);

    public static byte[] Write(ReadOnlySpan<int> values, params ReadOnlySpan<int> shape) =>
        Write("<i4", MemoryMarshal.AsBytes(values), shape);

    public static byte[] Write(ReadOnlySpan<byte> values, params ReadOnlySpan<int> shape) => Write("|u1", values, shape);

    /// <summary>A matrix of float32.</summary>
    /// <exception cref="NpyFormatException">It is not such an array, or is truncated.</exception>
    public static (float[] Values, int Rows, int Columns) ReadMatrix(ReadOnlySpan<byte> file)
    {
        (int[] shape, int start) = ReadHeader(file, "<f4");
        if (shape.Length != 2)
            throw new NpyFormatException($"The array has {shape.Length} dimensions, not 2.");
        return (Values<float>(file, start, checked(shape[0] * shape[1])), shape[0], shape[1]);
    }

    /// <summary>A vector of int32.</summary>
    /// <exception cref="NpyFormatException">It is not such an array, or is truncated.</exception>
    public static int[] ReadVector(ReadOnlySpan<byte> file)
    {
        (int[] shape, int start) = ReadHeader(file, "<i4");
        return shape.Length == 1
            ? Values<int>(file, start, shape[0])
            : throw new NpyFormatException($"The array has {shape.Length} dimensions, not 1.");
    }

    private static byte[] Write(string type, ReadOnlySpan<byte> values, ReadOnlySpan<int> shape)
    {
        string sizes = string.Join(", ", shape.ToArray().Select(size => size.ToString(CultureInfo.InvariantCulture)));
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({sizes}{(shape.Length == 1 ? "," : "")}), }}";
        int length = (((Magic.Length + 2 + header.Length + 1 + 63) / 64) * 64) - Magic.Length - 2; // data starts at a multiple of 64
        byte[] file = new byte[Magic.Length + 2 + length + values.Length];
        Magic.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(Magic.Length), (ushort)length);
        Encoding.ASCII.GetBytes(header.PadRight(length - 1) + "\n").CopyTo(file, Magic.Length + 2);
        values.CopyTo(file.AsSpan(Magic.Length + 2 + length));
        return file;
    }

    private static (int[] Shape, int Start) ReadHeader(ReadOnlySpan<byte> file, string type)
    {
        if (file.Length < 10 || !file[..6].SequenceEqual(Magic[..6]) || file[6] != 1)
            throw new NpyFormatException("This is not a .npy file of version 1.");
        int start = 10 + BitConverter.ToUInt16(file[8..]);
        if (start > file.Length)
            throw new NpyFormatException("The .npy file ends within its header.");
        Match header = Header().Match(Encoding.ASCII.GetString(file[10..start]));
        if (!header.Success || header.Groups["type"].Value != type)
            throw new NpyFormatException($"The .npy file holds '{header.Groups["type"].Value}', not '{type}' in C order.");
        return (
            [
                .. header
                    .Groups["shape"]
                    .Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    .Select(size => int.Parse(size, CultureInfo.InvariantCulture)),
            ],
            start
        );
    }

    private static T[] Values<T>(ReadOnlySpan<byte> file, int start, int count)
        where T : unmanaged
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(file[start..]);
        return values.Length == count
            ? values.ToArray()
            : throw new NpyFormatException($"The .npy file has {values.Length} values, its header says {count}.");
    }

    [GeneratedRegex(@"'descr':\s*'(?<type>[^']+)',\s*'fortran_order':\s*False,\s*'shape':\s*\((?<shape>[0-9, ]*)\)")]
    private static partial Regex Header();
}
