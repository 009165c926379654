using System.ComponentModel.DataAnnotations;

namespace Durable.Pipelines.Climate.Import;

/// <summary>Limits of one file; settings <c>ClimateImport__…</c>. A file above a limit is refused with the number, and nothing is
/// stored.</summary>
public sealed class ImportLimits
{
    /// <summary>Bytes of the file, inflated if it was compressed. Default 8 GiB: a monthly table of the national grid over 35
    /// years.</summary>
    [Range(1024L, long.MaxValue, ErrorMessage = "ClimateImport__InflatedBytes must be at least 1024.")]
    public long InflatedBytes { get; init; } = 8L << 30;

    /// <summary>Characters of one row. Default 100,000.</summary>
    [Range(100, 10_000_000, ErrorMessage = "ClimateImport__RowCharacters must be from 100 to 10,000,000.")]
    public int RowCharacters { get; init; } = 100_000;

    /// <summary>Rows, refused ones included. Default 200 million.</summary>
    [Range(1L, long.MaxValue, ErrorMessage = "ClimateImport__Rows must be at least 1.")]
    public long Rows { get; init; } = 200_000_000;
}
