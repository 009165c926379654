using System.Text;

namespace Durable.Pipelines.Pothole;

/// <summary>The daily message: what was found, where, and what it cost.</summary>
public static class PotholeSummary
{
    /// <param name="worst">Segments with the most impacts, worst first.</param>
    public static (string Subject, string Body) Of(PotholeResult result, LoadedSegments loaded, IReadOnlyList<SegmentRow> worst)
    {
        StringBuilder body = new();
        body.AppendLine(
            FormattableString.Invariant(
                $"{loaded.Date}: {loaded.Impacts} suspected impacts among {loaded.Total} measurements on {loaded.Rows} road segments."
            )
        );
        foreach ((int place, SegmentRow row) in worst.Index())
            body.AppendLine(
                FormattableString.Invariant($"{place + 1}. {row.Id}: {row.Impacts} of {row.Total} at {row.Latitude:F6}, {row.Longitude:F6}")
            );
        foreach (string warning in loaded.Warnings)
            body.AppendLine($"Warning: {warning}.");
        if (result.Receipt is { } receipt)
            body.AppendLine($"Machines: {receipt}");
        return ($"Potholes {loaded.Date}: {loaded.Impacts} suspected impacts", body.ToString().TrimEnd());
    }
}
