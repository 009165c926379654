using System.Net;
using System.Text.Json;
using Durable.Activities.Operations;
using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Results;
using Microsoft.DurableTask.Protobuf;
using Npgsql;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>Generates a sample, runs the batches over it manually and by the yearly timers, imports tables and packs them.</summary>
internal static class ClimateCalls
{
    private const string Years = """{"scenario": "SSP245", "startYear": 2049, "endYear": 2050, "backup": true}""";

    public static async Task RunAsync(DriverWorld world)
    {
        AzureHostDriver host = world.Host;
        await host.GetAsync("climate/grid").IsAsync(HttpStatusCode.NotFound);
        JsonElement sample = await host.RunAsync("climate/sample", """{"cells": 10, "seed": 3, "startYear": 2021, "endYear": 2100}""")
            .CompletesAsync();
        Assert.True(sample.Member("values").GetInt64() > 0);
        Assert.Equal(10, (await host.GetAsync("climate/grid").IsAsync(HttpStatusCode.OK)).GetProperty("cells").GetInt32());

        Assert.Equal(
            1,
            (await host.RunAsync("climate/probability", """{"scenario": "SSP245", "backup": true}""").CompletesAsync())
                .Member("completed")
                .GetInt32()
        );
        Assert.Equal(2, (await host.RunAsync("climate/hazard", Years).CompletesAsync()).Member("completed").GetInt32());
        JsonElement annual = await host.RunAsync("climate/annual", """{"scenario": "SSP126", "startYear": 2049, "endYear": 2051}""")
            .CompletesAsync();
        Assert.Equal(3, annual.Member("hazard").Member("completed").GetInt32());
        Assert.Equal(
            5,
            (await host.GetAsync("climate/statistics").IsAsync(HttpStatusCode.OK))
                .GetProperty("monitoring")
                .GetProperty("rows")
                .GetArrayLength()
        );
        await ReadRunsAsync(host);
        await RefuseClaimedAsync(world);

        await host.TickAsync("TickProbabilityBatch");
        await host.TickAsync("TickHazardBatch");
        foreach (string instance in (string[])["probability-", "hazard-"])
        {
            await host.EndAsync(host.Hub.Instances.Last(one => one.InstanceId.StartsWith(instance, StringComparison.Ordinal)).InstanceId)
                .CompletesAsync();
        }

        await ImportAsync(host, await CellsAsync(world));
        await host.RunAsync("climate/pack").CompletesAsync();
    }

    /// <summary>
    /// A year of one table for two cells of the grid, and a district with two days of rain: something forevery step of packing.
    /// </summary>
    private static async Task ImportAsync(AzureHostDriver host, int[] cells)
    {
        string columns = string.Join(',', Scenarios.Columns),
            values = string.Join(',', Scenarios.Columns.Select(_ => "1.5"));
        await ImportAsync(host, "location_admin", "admin_code,admin_name,population\n9999900000,Driver,1\n", 1);
        await ImportAsync(host, "wsdi_data", $"year,grid_id,{columns}\n2050,{cells[0]},{values}\n2050,{cells[1]},{values}\n", 2);
        await ImportAsync(
            host,
            "rn_daily_sgg261",
            $"observation_date,admin_code,{columns}\n2050-01-01,9999900000,{values}\n2050-01-02,9999900000,{values}\n",
            2
        );
    }

    private static async Task<int[]> CellsAsync(DriverWorld world)
    {
        await using NpgsqlCommand command = world.Database.CreateCommand(
            "SELECT array_agg(grid_id ORDER BY grid_id) FROM climate.location_grid"
        );
        return (int[])(await command.ExecuteScalarAsync())!;
    }

    private static async Task ImportAsync(AzureHostDriver host, string table, string csv, int rows)
    {
        JsonElement receipt = await host.SendAsync(HttpMethod.Post, $"climate/import/{table}?source=driver", csv, "text/csv")
            .IsAsync(HttpStatusCode.OK);
        Assert.Equal(
            (rows, 0, "driver"),
            (
                receipt.GetProperty("accepted").GetInt32(),
                receipt.GetProperty("rejected").GetInt32(),
                receipt.GetProperty("source").GetString()
            )
        );
    }

    /// <summary>A year that a run of another hub fills: the batch is refused as a whole and closed.</summary>
    private static async Task RefuseClaimedAsync(DriverWorld world)
    {
        await ExecuteAsync(
            world,
            """
            INSERT INTO operations.partitions (kind, key, state, claimed_by, claimed_until)
            VALUES ('hazard', 'SSP585/2049', 'missing', 'elsewhere/20260101T000000000Z', now() + interval '10 minutes')
            """
        );
        string reason = await world
            .Host.RunAsync("climate/hazard", """{"scenario": "SSP585", "startYear": 2049, "endYear": 2049}""")
            .FailsAsync();
        Assert.Contains("are being filled by run elsewhere", reason, StringComparison.Ordinal);
        await ExecuteAsync(world, "DELETE FROM operations.partitions WHERE claimed_by LIKE 'elsewhere/%'");
    }

    private static async Task ExecuteAsync(DriverWorld world, string sql)
    {
        await using NpgsqlCommand command = world.Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The ledger, and what is written into it when a partition fails outside its own transaction.</summary>
    private static async Task ReadRunsAsync(AzureHostDriver host)
    {
        JsonElement[] runs = [.. (await host.GetAsync("runs").IsAsync(HttpStatusCode.OK)).EnumerateArray()];
        JsonElement hazard = runs.First(run => run.GetProperty("kind").GetString() == HazardTable.Kind);
        string instance = hazard.GetProperty("instanceId").GetString()!;
        JsonElement run = await host.GetAsync($"runs/{instance}").IsAsync(HttpStatusCode.OK);
        Assert.True(run.GetProperty("partitions").GetArrayLength() > 0);

        PartitionFailures lost = new(
            HazardTable.Kind,
            hazard.GetProperty("runId").GetString()!,
            [new PartitionOutcome("SSP245/2049", 0, 0, 0, 0, "host lost")]
        );
        (string? result, TaskFailureDetails? failure) = await host.Calls.ActivityAsync(
            nameof(RecordPartitionFailure),
            instance,
            JsonSerializer.Serialize(new[] { lost })
        );
        Assert.Equal((null, null), (result, failure));
        await host.GetAsync("options").IsAsync(HttpStatusCode.OK);
    }
}
