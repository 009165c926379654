using Durable.Operations.Backup;

namespace Durable.Pipelines.Climate.Results;

/// <summary>The result tables of the climate batches.</summary>
internal static class ResultTables
{
    /// <summary>All of them, with their partitions.</summary>
    public static BackupRequest Backup { get; } =
        new("climate", ["climate.hazard_cells*", "climate.hazard_sums", "climate.probability_cells*"]);
}
