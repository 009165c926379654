using System.Buffers.Binary;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>
/// A place and risk as stored: ten bytes for each target year, lowest bits first. 24 bits for the annual loss in millionths, then four bin
/// probabilities of 14 bits in ten-thousandths; the bin after the last stored one is the rest to 1. When all years are equal, one is
/// stored. <c>climate.annual_loss</c> and <c>climate.bin_probabilities</c> decode them in SQL.
/// </summary>
public static class PackedYears
{
    /// <summary>Bytes of a year.</summary>
    public const int Size = 10;

    /// <summary>Ten-thousandths of a probability.</summary>
    public const int Unit = 10_000;

    /// <summary>A loss that could not be computed, because no year had a value.</summary>
    public const int Unknown = (1 << 24) - 1;

    internal const int BinBits = 14;

    /// <param name="firstBins">Bin 0, and bin 1 above it.</param>
    /// <param name="nextBins">Bin 2, and bin 3 above it; bin 3 is 0 when there are four bins, because it is their last.</param>
    internal static void Write(Span<byte> year, int loss, int firstBins, int nextBins)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(year, (uint)loss | (ulong)(uint)firstBins << 24 | (ulong)(uint)nextBins << 52);
        BinaryPrimitives.WriteUInt16LittleEndian(year[8..], (ushort)(nextBins >> 12));
    }

    /// <summary>Marks every year as not computed.</summary>
    internal static void Forget(Span<byte> years)
    {
        for (int at = 0; at < years.Length; at += Size)
            Write(years[at..], Unknown, 0, 0);
    }

    /// <summary>The years without their repetition: one when all are the same.</summary>
    internal static ReadOnlySpan<byte> Shorten(ReadOnlySpan<byte> years) =>
        years[Size..].SequenceEqual(years[..^Size]) ? years[..Size] : years;

    /// <summary>Loss of one year in millionths, or <see cref="Unknown"/>.</summary>
    public static int Loss(ReadOnlySpan<byte> year) => (int)(BinaryPrimitives.ReadUInt32LittleEndian(year) & Unknown);
}
