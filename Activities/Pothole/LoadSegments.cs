using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Pothole;

/// <summary>A day to load.</summary>
/// <param name="Fingerprint">Hash of the rows' inputs.</param>
public sealed record LoadOrder(PotholeRun Run, string Fingerprint);

/// <summary>Loads the day's segments into <c>pothole.pothole_segments</c> and removes vanished ones. Safe to run twice.</summary>
/// <exception cref="StageOutputException">The last stage's output is missing; permanent.</exception>
/// <exception cref="SegmentFileException">Its export is invalid; nothing was changed; permanent.</exception>
public sealed class LoadSegments(PotholeStorage storage, SegmentTable table, PotholeSteps steps, PotholeOptions options)
{
    [Function(nameof(LoadSegments))]
    public async Task<LoadedSegments> RunAsync([ActivityTrigger] LoadOrder order, CancellationToken cancellationToken)
    {
        string partition = PotholeStorage.Partition(options.Stage2Prefix, order.Run.Date);
        if (!(await storage.ListAsync(partition, cancellationToken)).IsComplete)
            throw new StageOutputException($"{storage.Uri(partition, "s3")} is not complete. Start the day again with force.");
        LoadedSegments loaded = await table.LoadAsync(
            order.Run.Date,
            await storage.ReadAsync(partition + "_export/segments.csv", cancellationToken),
            cancellationToken
        );
        string warnings = loaded.Warnings.Count == 0 ? "" : "; " + string.Join("; ", loaded.Warnings);
        await steps.DoneAsync(
            order.Run.Date,
            order.Run.RunId,
            order.Fingerprint,
            new StepDone(
                PotholePlanner.Load,
                loaded.Rows,
                FormattableString.Invariant($"{loaded.Rows} segments, {loaded.Impacts} impacts, {loaded.Removed} removed{warnings}")
            ),
            cancellationToken
        );
        return loaded;
    }
}
