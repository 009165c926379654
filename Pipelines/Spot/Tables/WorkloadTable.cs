using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Spot.Tables;

/// <summary>Packed workloads by day.</summary>
public sealed class WorkloadTable(NpgsqlDataSource database)
{
    /// <summary>Records a day's workload. Safe to call twice.</summary>
    public async Task RecordAsync(
        WorkloadReceipt receipt,
        string file,
        IReadOnlyList<string> regions,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO spot.workloads (date, file, queries, bound, zones, regions, unknown) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (date) DO UPDATE SET file = EXCLUDED.file, queries = EXCLUDED.queries, bound = EXCLUDED.bound,
                zones = EXCLUDED.zones, regions = EXCLUDED.regions, unknown = EXCLUDED.unknown
            """
        );
        command.Add(
            DateOnly.ParseExact(receipt.Day, "yyyy-MM-dd"),
            file,
            receipt.Queries,
            receipt.Bound,
            receipt.Zones,
            regions.ToArray(),
            receipt.UnknownRegions.ToArray()
        );
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
