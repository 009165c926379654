using System.Buffers.Binary;

namespace Durable.Tests.Pipelines.Climate.Probability;

/// <summary>Reads packed years back, as the SQL of the views does.</summary>
internal static class Unpacked
{
    private const int Bits = 14,
        Unit = 10_000;

    /// <summary>Probabilities of one year.</summary>
    /// <param name="bins">4 or 5.</param>
    public static double[] Bins(ReadOnlySpan<byte> year, int bins)
    {
        ulong low = BinaryPrimitives.ReadUInt64LittleEndian(year) >> 24 | (ulong)BinaryPrimitives.ReadUInt16LittleEndian(year[8..]) << 40;
        int[] units = [.. Enumerable.Range(0, bins - 1).Select(bin => (int)(low >> Bits * bin) & (1 << Bits) - 1)];
        return [.. units.Append(Unit - units.Sum()).Select(unit => unit / (double)Unit)];
    }
}
