using System.Text.Json;
using Durable.Activities.Climate;
using Durable.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Operations.Plans;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Tracking;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Pothole;
using Durable.Pipelines.Returns;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Operations;

/// <summary>What is stored and sent as text keeps its text: renaming a member of an enum is a migration.</summary>
public sealed class StoredTextTests
{
    [Fact]
    public async Task The_tables_allow_exactly_the_states_that_the_code_knows()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());

        Assert.Equal(Texts<PartitionState>(), await AllowedAsync("partition_state_is_known"));
        Assert.Equal(Texts<LeaseState>(), await AllowedAsync("lease_state_is_known"));
        Assert.Equal(Texts<LeaseCloser>(), await AllowedAsync("lease_is_closed_by_somebody_known"));
        Assert.Equal(Texts<SlotState>(), await AllowedAsync("slot_state_is_known"));
        Assert.Equal(Enum.GetNames<ModelState>().Order(StringComparer.Ordinal), await AllowedAsync("result_state_is_known"));
        Assert.Equal(Texts<TrackingState>().Except(["sent"]), await AllowedAsync("tracked_state_is_known")); // sent is sent_at
        Assert.Equal(Texts<ModelVerdict>(), await AllowedAsync("verdict_is_known"));
        Assert.Equal(Texts<PointerReason>(), await AllowedAsync("reason_is_known"));
        Assert.Equal(Texts<TickOutcome>(), await AllowedAsync("outcome_is_known"));
        Assert.Equal(Texts<RunState>(), (await AllowedAsync("run_state_is_known")).Except(["cancelled"])); // which no version writes

        async Task<string[]> AllowedAsync(string constraint)
        {
            await using NpgsqlCommand command = database.CreateCommand(
                $"""
                SELECT array_agg(text[1] ORDER BY text[1] COLLATE "C")
                FROM pg_constraint, regexp_matches(pg_get_constraintdef(oid), '''(\w+)''::text', 'g') AS text
                WHERE conname = '{constraint}'
                """
            );
            return (string[])(await command.ExecuteScalarAsync())!;
        }

        static string[] Texts<T>()
            where T : struct, Enum => [.. StoredText.All<T>().Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void Reasons_and_states_go_through_history_and_answers_as_text()
    {
        Assert.Equal(
            """{"Step":"stage1","Reason":"after","IsToDo":true}""",
            JsonSerializer.Serialize(new StepPlan("stage1", PlanReason.After))
        );
        Assert.Equal(
            new StepPlan("load", PlanReason.Present),
            JsonSerializer.Deserialize<StepPlan>("""{"Step":"load","Reason":"present","IsToDo":false}""")
        );
        Assert.Equal(
            """{"Date":"2026-02-12","State":"NoInput","Error":null}""",
            JsonSerializer.Serialize(new DayOutcome("2026-02-12", DayState.NoInput))
        );
        Assert.Throws<FormatException>(() => StoredText.Read<LeaseState>("Held"));
        Assert.Equal("""["running","completed","failed"]""", JsonSerializer.Serialize(Enum.GetValues<RunState>()));
        Assert.Equal("""["Stored","Late","Present","Failed"]""", JsonSerializer.Serialize(Enum.GetValues<SlotEnding>()));
        Assert.Equal("""["missing","failed","collecting","staged"]""", JsonSerializer.Serialize(Enum.GetValues<GapState>()));
        Assert.Equal("""["passed","running","failed","not started"]""", JsonSerializer.Serialize(Enum.GetValues<ProbabilityState>()));
        Assert.Equal(
            """["failed","recovered","completed","gate_failed","cost_guard"]""",
            JsonSerializer.Serialize(Enum.GetValues<NotificationEvent>())
        );
        Assert.Equal(
            """["Running","Passed","GateFailed","Failed","NotRun","Cancelled"]""",
            JsonSerializer.Serialize(Enum.GetValues<ModelState>())
        );
        Assert.Equal("""["Passed","Incomplete","Failed","Cancelled"]""", JsonSerializer.Serialize(Enum.GetValues<Verdict>()));
        Assert.Equal("""["Published","Refused","UpToDate"]""", JsonSerializer.Serialize(Enum.GetValues<TrainingEnding>()));
        Assert.Equal("""["Predicted","NothingNew","NoModel"]""", JsonSerializer.Serialize(Enum.GetValues<InferenceEnding>()));
        Assert.Equal("""["RUNNING","SCHEDULED","FINISHED","FAILED","KILLED"]""", JsonSerializer.Serialize(Enum.GetValues<MlflowStatus>()));
    }

    [Fact]
    public void Partition_keys_are_read_as_they_were_written_and_nothing_else_is()
    {
        Assert.Equal("SSP245/2050", new HazardKey("SSP245", 2050).ToString());
        Assert.Equal(new HazardKey("SSP245", 2050), HazardKey.Parse("SSP245/2050"));
        Assert.Equal("SSP126/tile-3", new ProbabilityKey("SSP126", 3).ToString());
        Assert.Equal(new ProbabilityKey("SSP126", 3), ProbabilityKey.Parse("SSP126/tile-3"));
        Assert.All(
            (string[])["SSP245", "SSP245/", "SSP245/x", "SSP245/2050/1", "SSP245/tile-3"],
            key => Assert.Throws<FormatException>(() => HazardKey.Parse(key))
        );
        Assert.All(
            (string[])["SSP245/3", "SSP245/tile-", "SSP245/tile-x"],
            key => Assert.Throws<FormatException>(() => ProbabilityKey.Parse(key))
        );
        Assert.Equal("climate/a", RunLedger.InstanceOf(RunLedger.RunId("climate/a", new DateTime(2026, 2, 12, 0, 0, 0, DateTimeKind.Utc))));
    }
}
