using Durable.Pipelines.Operations;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Dumps the climate result tables before a run replaces parts of them.</summary>
/// <returns>Path of the dump.</returns>
public sealed class BackupResults(DatabaseBackup backup)
{
    [Function(nameof(BackupResults))]
    public Task<string> RunAsync([ActivityTrigger] string? unused, CancellationToken cancellationToken) =>
        backup.DumpAsync("climate", ["climate.hazard_cells*", "climate.probability_cells*"], cancellationToken);
}
