using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Operations.Schema;
using Durable.Postgres;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Operations;

public sealed class LedgerTests : IAsyncLifetime
{
    private NpgsqlDataSource database = null!;

    public async Task InitializeAsync()
    {
        database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await AppSchema.ApplyAsync(database);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Schema_steps_apply_once_from_many_processes_and_refuse_a_changed_step()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AppSchema.ApplyAsync(database)));
        await ExecuteAsync("UPDATE operations.schema_steps SET sha256 = 'x' WHERE component = 'climate' AND step = '001_inputs'");

        SchemaStepChangedException error = await Assert.ThrowsAsync<SchemaStepChangedException>(() => AppSchema.ApplyAsync(database));

        Assert.Contains("climate/001_inputs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_runs_never_claim_the_same_partition_and_a_lapsed_claim_can_be_taken()
    {
        Partitions partitions = new(database);
        await partitions.ClaimAsync("hazard", ["a", "b"], "run-1/x");
        await partitions.ClaimAsync("hazard", ["a", "b"], "run-1/x"); // a retried activity

        PartitionsClaimedException refused = await Assert.ThrowsAsync<PartitionsClaimedException>(() =>
            partitions.ClaimAsync("hazard", ["b", "c"], "run-2/x")
        );
        Assert.Equal("run-1/x", refused.RunId);
        Assert.False((await partitions.ReadAsync("hazard")).ContainsKey("c")); // all or none

        await ExecuteAsync("UPDATE operations.partitions SET claimed_until = now() - interval '1 second'");
        await partitions.ClaimAsync("hazard", ["b", "c"], "run-2/x");
        await partitions.ReleaseAsync("run-2/x");
        await partitions.ClaimAsync("hazard", ["c"], "run-3/x");
    }

    [Fact]
    public async Task Racing_claims_have_one_winner()
    {
        Partitions partitions = new(database);
        string[] keys = [.. Enumerable.Range(0, 50).Select(i => $"k{i}")];

        bool[] won = await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(async i =>
                {
                    try
                    {
                        await partitions.ClaimAsync("race", i % 2 == 0 ? keys : [.. keys.Reverse()], $"run-{i}");
                        return true;
                    }
                    catch (PartitionsClaimedException)
                    {
                        return false;
                    }
                })
        );

        Assert.Single(won, true);
    }

    [Fact]
    public async Task A_stale_plan_is_refused_with_the_difference()
    {
        PlanStore plans = new(database);
        Plan shown = Plan.Make("hazard", "all", [("a", ["f"]), ("b", ["f"])], new Dictionary<string, PartitionRecord>(), 1, false);
        Plan now = Plan.Make(
            "hazard",
            "all",
            [("a", ["f"]), ("b", ["f"])],
            new Dictionary<string, PartitionRecord> { ["a"] = new("a", PartitionState.Present, "f", null, null, 1) },
            1,
            false
        );
        await plans.SaveAsync(shown);

        await plans.CheckAsync(shown.Hash, shown);
        await plans.CheckAsync(null, now);
        PlanStaleException stale = await Assert.ThrowsAsync<PlanStaleException>(() => plans.CheckAsync(shown.Hash, now));

        Assert.Equal(["a: was missing, is present"], stale.Difference);
        Assert.Equal(
            ["no such plan was made here"],
            (await Assert.ThrowsAsync<PlanStaleException>(() => plans.CheckAsync("0", now))).Difference
        );
    }

    [Fact]
    public async Task A_run_closes_once_with_its_numbers()
    {
        RunLedger ledger = new(database);
        await ledger.BeginAsync("i/1", "i", "hazard", new { startYear = 2021 }, "hash", 3);
        PartitionOutcome[] outcomes = [new("a", 10, 90, 1, 5), new("b", 10, 90, 0, 5), new("c", 0, 0, 0, 5, "no input")];

        RunStatistics closed = await ledger.FinishAsync("i/1", outcomes, skipped: 4);
        RunStatistics again = await ledger.FinishAsync("i/1", [], 0);

        Assert.Equal(
            (RunState.Failed, 3, 2, 1, 4, 66.67, 20L, 180L, 1L),
            (
                closed.State,
                closed.Total,
                closed.Completed,
                closed.Failed,
                closed.Skipped,
                closed.SuccessRatePercent,
                closed.Rows,
                closed.Values,
                closed.Fallbacks
            )
        );
        Assert.Equal([new RunFailure("c", "no input")], closed.Failures);
        Assert.Equal(closed.Total, again.Total);
        Assert.Equal(
            (RunState.Failed, "no input"),
            ((await new RunReader(database).ReadAsync("i"))[0].State, (await new RunReader(database).ReadAsync("i"))[0].Error)
        );
        Assert.Equal(closed.RunId, (await ledger.ReadLatestAsync("hazard"))!.RunId);
    }

    [Fact]
    public void Speed_and_success_rate_are_what_the_guide_prints()
    {
        RunStatistics run = RunLedger.Summarize(
            "r",
            "i",
            "hazard",
            [.. Enumerable.Range(0, 8).Select(i => new PartitionOutcome($"{i}", 1, 9, 0, 1, i == 0 ? "x" : null))],
            0,
            2.345,
            null
        );

        Assert.Equal((87.5, 2.3, 2.99), (run.SuccessRatePercent, run.DurationSeconds, run.AverageSpeed)); // 7 / 2.345
        Assert.Equal(100, RunLedger.Summarize("r", "i", "hazard", [], 5, 1, null).SuccessRatePercent);
    }

    [Fact]
    public async Task Gates_are_recorded_and_the_failed_ones_stop_with_their_numbers()
    {
        DataGates gates = new(database);
        DataGateException stopped = await Assert.ThrowsAsync<DataGateException>(() =>
            gates.CheckAsync(
                "run",
                [
                    new DataGate("row_count", "t", 10, AtLeast: 1),
                    DataGate.Share("fallback_share", "SSP245/2050", 8, 100, atMost: 0.05),
                    DataGate.Change("change", "t", 30, 10, atMost: 0.5),
                    DataGate.Change("first", "t", 30, null, atMost: 0.5),
                    new DataGate("nan", "t", double.NaN),
                ]
            )
        );

        Assert.Equal(["fallback_share", "change", "nan"], stopped.Failed.Select(gate => gate.Name));
        Assert.Contains("fallback_share of SSP245/2050 is 0.08, allowed up to 0.05", stopped.Message, StringComparison.Ordinal);
        await using NpgsqlCommand command = database.CreateCommand("SELECT count(*) FROM operations.gates WHERE passed");
        Assert.Equal(2L, await command.ExecuteScalarAsync());
    }

    private async Task ExecuteAsync(string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
