using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Durable.Activities.Operations;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Functions;
using Durable.Tests.Host.Replay;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Orchestrations;

/// <summary>Whatever happens to a run, no machine outlives it by more than the reaper's next rounds, and the ledger tells the
/// truth.</summary>
/// <remarks>What happens in each single step is in <see cref="PotholeBrokenStepTests"/>, <see cref="PotholeTerminatedTests"/> and
/// <see cref="PotholeOverdueTests"/>: classes run side by side, each with its own sandbox.</remarks>
public sealed class PotholeTeardownTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Fact]
    public async Task A_day_runs_and_proves_its_machines_off()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        InstanceRecord run = await world.RunAsync();

        Assert.True(run.Status == OrchestrationRuntimeStatus.Completed, run.Output);
        JsonElement result = JsonSerializer.Deserialize<JsonElement>(run.Output!);
        Assert.Equal("Succeeded", result.GetProperty("State").GetString());
        Assert.Equal(
            ["stage1", "stage2", "load"],
            result.GetProperty("Steps").EnumerateArray().Select(step => step.GetProperty("Step").GetString())
        );
        Assert.Equal(
            (true, 180L),
            (
                result.GetProperty("Receipt").GetProperty("Proven").GetBoolean(),
                result.GetProperty("Receipt").GetProperty("SecondsBilled").GetInt64()
            )
        );
        Assert.Equal(2L, await world.ScalarAsync<long>("SELECT sum(impact_count)::bigint FROM pothole.pothole_segments"));
        await world.HoldsAsync("completed");
        await RecordedHistoryTests.RecordAsync(world.Engine, world.InstanceId, "pothole-day-1.json");
    }

    [Fact]
    public async Task A_day_without_input_starts_nothing()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox, input: false);
        InstanceRecord run = await world.RunAsync();

        Assert.Equal("NoInput", JsonSerializer.Deserialize<JsonElement>(run.Output!).GetProperty("State").GetString());
        Assert.Empty(await sandbox.CallsAsync("ec2"));
        Assert.Contains("has no data", await world.ScalarAsync<string>("SELECT error FROM operations.runs"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Input_that_cannot_be_read_is_an_error_and_not_an_empty_day()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        await sandbox.FaultAsync("s3", "ListObjectsV2", "denied", times: -1);
        InstanceRecord run = await world.RunAsync();

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("denied", run.Failure!.ErrorMessage, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(await sandbox.CallsAsync("ec2"));
    }

    [Theory, InlineData("stage1"), InlineData("start-spark")]
    public async Task A_cancelled_run_kills_its_job_and_stops_its_machines(string job)
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        if (job == "stage1")
            await world.SparkDoesAsync("""[{"match": "stage1", "delaySeconds": 3600}]""");
        TaskCompletionSource there = new(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Before = taken =>
        {
            if (taken == "poll:" + job)
                there.TrySetResult();
            return Task.CompletedTask;
        };
        await world.StartAsync();
        await there.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await world.Engine.RaiseAsync(world.InstanceId, Durable.Orchestrations.Shared.LeasedCluster.CancelEvent, "enough");
        InstanceRecord run = await world.EndAsync();

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("Cancelled: enough", run.Failure!.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("kill:" + job, world.Taken);
        await world.HoldsAsync("failed");
    }

    [Fact]
    public async Task A_stage_that_never_ends_is_killed_when_the_lease_does()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(
            sandbox,
            more: new Dictionary<string, string> { ["Pothole__ClusterBudget"] = "00:10:00" }
        );
        await world.SparkDoesAsync("""[{"match": "stage1", "delaySeconds": 3600}]""");
        InstanceRecord run = await world.RunAsync();

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("before the work did", run.Failure!.ErrorMessage, StringComparison.Ordinal);
        await world.HoldsAsync("failed");
    }

    [Fact]
    public async Task A_failed_stage_is_retried_once_elsewhere_and_then_fails_the_day_which_continues_there_next_time()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        await world.SparkDoesAsync("""[{"match": "stage2", "exitCode": 1}]""");
        InstanceRecord failed = await world.RunAsync();
        Assert.Equal(OrchestrationRuntimeStatus.Failed, failed.Status);
        Assert.Contains("Step stage2 ended with exit code 1 (attempt 2", failed.Failure!.ErrorMessage, StringComparison.Ordinal);
        await world.HoldsAsync("failed");
        await RecordedHistoryTests.RecordAsync(world.Engine, world.InstanceId, "pothole-day-failed-1.json");

        await world.SparkDoesAsync("[]");
        world.Taken.Clear();
        InstanceRecord second = await world.RunAsync();
        Assert.Equal(OrchestrationRuntimeStatus.Completed, second.Status);
        Assert.DoesNotContain("start:stage1", world.Taken);
        Assert.Equal(
            ["stage1"],
            JsonSerializer.Deserialize<JsonElement>(second.Output!).GetProperty("Skipped").EnumerateArray().Select(step => step.GetString())
        );
        await world.OneDriverAPathAsync();
    }

    [
        Theory,
        InlineData("insufficient-capacity", -1, false),
        InlineData("throttle", 3, true),
        InlineData("lost-reply", 1, true),
        InlineData("expired", -1, false)
    ]
    public async Task A_start_that_the_provider_refuses_ends_the_run_and_one_that_it_delays_does_not(string kind, int times, bool succeeds)
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        await sandbox.FaultAsync("ec2", "StartInstances", kind, times);
        InstanceRecord run = await world.RunAsync();

        Assert.Equal(succeeds ? OrchestrationRuntimeStatus.Completed : OrchestrationRuntimeStatus.Failed, run.Status);
        await world.HoldsAsync(succeeds ? "completed" : "failed");
    }

    [Fact]
    public async Task A_stop_that_hangs_is_forced()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        await sandbox.FaultAsync("ec2", "StopInstances", "hang-stop");
        InstanceRecord run = await world.RunAsync();

        Assert.Equal(OrchestrationRuntimeStatus.Completed, run.Status);
        Assert.Contains(
            await sandbox.CallsAsync("ec2", "StopInstances"),
            call => call.Parameters.Contains("\"Force\": \"true\"", StringComparison.Ordinal)
        );
        await world.HoldsAsync("completed");
    }

    [Fact]
    public async Task A_master_that_dies_in_a_stage_fails_the_day_and_is_found_off()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        await world.SparkDoesAsync("""[{"match": "stage1", "delaySeconds": 3600}]""");
        bool crashed = false;
        world.Before = async taken =>
        {
            if (taken == "poll:stage1" && !crashed)
            {
                crashed = true;
                await sandbox.MachineAsync(world.Cluster.Master.Id, "crash");
            }
        };
        InstanceRecord run = await world.RunAsync();
        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        await world.HoldsAsync("failed");
    }

    [Theory, InlineData(nameof(StopMachines)), InlineData("start:stage1")]
    public async Task A_database_that_goes_down_in_the_middle_costs_nothing_but_time(string step)
    {
        await using PrivatePostgres server = await PostgresServer.StartPrivateAsync();
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox, connection: server.ConnectionString);
        int stops = 0;
        world.Before = async taken =>
        {
            if (taken == step && Interlocked.Increment(ref stops) == 1)
            {
                await server.StopImmediateAsync();
                await Task.Delay(300);
                await server.StartAgainAsync();
            }
        };
        InstanceRecord run = await world.RunAsync();
        Assert.True(run.Status == OrchestrationRuntimeStatus.Completed, run.Failure?.ErrorMessage);
        await world.HoldsAsync("completed");
    }

    [Fact]
    public async Task A_host_killed_in_every_phase_finishes_the_day_and_starts_no_driver_twice()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox, engine: false);
        HashSet<string> met = [];
        string path = $"/runtime/webhooks/durabletask/instances/{world.InstanceId}";
        AppProcess app = await AppProcess.StartAsync(world.Connection, world.Settings);
        try
        {
            Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/api/pothole", $$"""{"date": "{{PotholeWorld.Date}}"}""")).Status);
            JsonElement status;
            for (Stopwatch watch = Stopwatch.StartNew(); ; await Task.Delay(20))
            {
                Assert.True(watch.Elapsed < TimeSpan.FromMinutes(4), "the day does not end: " + app.Log);
                (HttpStatusCode code, status) = await app.GetAsync(path);
                if (code == HttpStatusCode.OK)
                    break;
                string phase =
                    status.TryGetProperty("customStatus", out JsonElement custom)
                    && custom.ValueKind == JsonValueKind.Object
                    && custom.TryGetProperty("phase", out JsonElement text)
                        ? text.GetString()!
                        : "";
                if (phase.Length == 0 || !met.Add(phase))
                    continue;
                app.Kill();
                await app.DisposeAsync();
                app = await AppProcess.StartAsync(world.Connection, world.Settings);
            }

            Assert.True(status.GetProperty("runtimeStatus").GetString() == "Completed", status.ToString());
            Assert.True(met.Count >= 6, "Too few phases were met to say anything: " + string.Join(", ", met));
            await world.HoldsAsync("completed");
            Assert.Equal(2L, await world.ScalarAsync<long>("SELECT count(*) FROM pothole.pothole_segments"));
        }
        finally
        {
            await app.DisposeAsync();
        }
    }
}
