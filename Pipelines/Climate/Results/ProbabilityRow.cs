using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;

namespace Durable.Pipelines.Climate.Results;

/// <summary>A row of <c>climate.probability_cells</c>: a cell and risk with its target years, first to last without gaps (years not
/// computed are marked).</summary>
/// <param name="CreatedAt">Start of the run that wrote the latest of its years.</param>
/// <param name="Years"><see cref="PackedYears"/>; a single one applies to all years.</param>
internal readonly record struct ProbabilityRow(
    int GridId,
    Risk Risk,
    short FirstYear,
    short LastYear,
    bool Fallback,
    DateTime CreatedAt,
    ReadOnlyMemory<byte> Years
)
{
    /// <summary>Replaces some years, cells or risks; everything else stays.</summary>
    /// <returns>By cell, then risk.</returns>
    public static List<ProbabilityRow> Lay(IEnumerable<ProbabilityRow> rows, IEnumerable<ProbabilityRow> over)
    {
        Dictionary<(int, Risk), ProbabilityRow> all = over.ToDictionary(row => (row.GridId, row.Risk));
        foreach (ProbabilityRow row in rows)
        {
            all[(row.GridId, row.Risk)] = all.TryGetValue((row.GridId, row.Risk), out ProbabilityRow below) ? row.LaidOver(below) : row;
        }

        return [.. all.Values.OrderBy(row => row.GridId).ThenBy(row => row.Risk)];
    }

    private ProbabilityRow LaidOver(ProbabilityRow below)
    {
        short first = Math.Min(FirstYear, below.FirstYear),
            last = Math.Max(LastYear, below.LastYear);
        byte[] years = new byte[(last - first + 1) * PackedYears.Size];
        PackedYears.Forget(years);
        below.CopyTo(years, first);
        CopyTo(years, first);
        // The bit belongs to the row, not to a year: it stays while any year may rest on a default.
        bool covers = FirstYear <= below.FirstYear && LastYear >= below.LastYear;
        return this with { FirstYear = first, LastYear = last, Fallback = Fallback || (!covers && below.Fallback), Years = years };
    }

    private void CopyTo(byte[] years, int first)
    {
        for (int year = FirstYear; year <= LastYear; year++)
        {
            int at = Years.Length == PackedYears.Size ? 0 : (year - FirstYear) * PackedYears.Size;
            Years.Span.Slice(at, PackedYears.Size).CopyTo(years.AsSpan((year - first) * PackedYears.Size));
        }
    }
}
