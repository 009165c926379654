using System.Net;
using System.Text.Json;
using Amazon.SageMaker;
using Amazon.SageMaker.Model;
using Durable.Pipelines.Returns;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Returns;

namespace Durable.Tests.Functions;

/// <summary>The life of a training job: whatever happens to the run, no job is started twice, none runs on, and the ledger says what it
/// cost. One app for all; every training is forced.</summary>
public sealed class ReturnsLifeTests(ReturnsLifeTests.Shared shared) : IClassFixture<ReturnsLifeTests.Shared>, IAsyncLifetime
{
    private const string Forced = """{"force": true}""";
    private readonly AwsSandbox sandbox = shared.Sandbox;
    private readonly ReturnsApp world = shared.World;
    private string[] before = [];

    public async Task InitializeAsync()
    {
        before = [.. (await ListAsync()).Select(job => job.TrainingJobName)];
        await NextSecondAsync();
    }

    /// <summary>What holds after every one of them: no lease is open, no job runs.</summary>
    public async Task DisposeAsync()
    {
        await sandbox.ClearFaultsAsync();
        await sandbox.SetAsync("jobStartDelaySeconds", 0);
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
        Assert.DoesNotContain(await ListAsync(), job => job.TrainingJobStatus == TrainingJobStatus.InProgress);
    }

    /// <summary>Training sets, jobs and models are named by the second their run starts: no two runs of one second here.</summary>
    private static Task NextSecondAsync() => Task.Delay(TimeSpan.FromMilliseconds(1001 - DateTime.UtcNow.Millisecond));

    [TorchFact]
    public async Task A_host_that_is_killed_while_the_job_runs_finds_it_again()
    {
        await sandbox.SetAsync("jobStartDelaySeconds", 3);
        await world.App.PostAsync("/api/returns", Forced);
        await JobAsync();
        await world.RestartAsync();
        Assert.NotEqual("UpToDate", State(await world.EndAsync(ReturnsRequest.InstanceId)));
        Assert.Equal(TrainingJobStatus.Completed, Assert.Single(await JobsAsync()).TrainingJobStatus);
    }

    [TorchFact]
    public async Task Cancel_stops_the_job_and_the_run_says_so()
    {
        await sandbox.SetAsync("jobStartDelaySeconds", 60);
        await world.App.PostAsync("/api/returns", Forced);
        await JobAsync();
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await world.App.PostAsync($"/api/operations/runs/{ReturnsRequest.InstanceId}/cancel?reason=enough")).Status
        );
        Assert.Contains("enough", await world.FailureAsync(ReturnsRequest.InstanceId));
        Assert.Equal(TrainingJobStatus.Stopped, Assert.Single(await JobsAsync()).TrainingJobStatus);
        Assert.Contains(
            "enough",
            await world.ScalarAsync<string>("SELECT error FROM operations.runs WHERE kind = 'returns' ORDER BY started_at DESC LIMIT 1")
        );
    }

    [TorchFact]
    public async Task A_job_that_finds_no_machine_is_followed_by_one_on_demand()
    {
        await sandbox.FaultAsync("sagemaker", "CreateTrainingJob", "insufficient-capacity");
        JsonElement result = await world.RunAsync("returns", Forced, ReturnsRequest.InstanceId);
        Assert.Equal(2, ReturnsApp.Field(result, "attempts").GetInt32());
        TrainingJobSummary[] jobs = [.. (await JobsAsync()).OrderBy(job => job.TrainingJobName.Length)];
        Assert.Equal([TrainingJobStatus.Failed, TrainingJobStatus.Completed], jobs.Select(job => job.TrainingJobStatus));
        Assert.Equal(jobs[0].TrainingJobName + "-a2", jobs[1].TrainingJobName);
        using AmazonSageMakerClient sageMaker = sandbox.SageMaker();
        bool[] spot = await Task.WhenAll(
            jobs.Select(async job =>
                (
                    await sageMaker.DescribeTrainingJobAsync(new DescribeTrainingJobRequest { TrainingJobName = job.TrainingJobName })
                ).EnableManagedSpotTraining
                ?? false
            )
        );
        Assert.Equal([true, false], spot);
    }

    [TorchTheory, InlineData(true), InlineData(false)]
    public async Task A_spot_machine_that_is_taken_away_costs_the_run_nothing_but_time(bool capacityReturns)
    {
        await world.App.PostAsync("/api/returns", Forced);
        await JobAsync();
        string name = Assert.Single(await JobsAsync()).TrainingJobName;
        await Eventually.HoldsAsync(() => sandbox.InterruptTrainingAsync(name, capacityReturns));
        JsonElement result = await world.EndAsync(ReturnsRequest.InstanceId);
        Assert.NotEqual("UpToDate", State(result));

        using AmazonSageMakerClient sageMaker = sandbox.SageMaker();
        DescribeTrainingJobResponse first = await sageMaker.DescribeTrainingJobAsync(
            new DescribeTrainingJobRequest { TrainingJobName = name }
        );
        Assert.Contains("Interrupted", first.SecondaryStatusTransitions.Select(phase => phase.Status.Value));
        string[] expected = capacityReturns ? ["Completed"] : ["Stopped", "Completed"];
        Assert.Equal(expected, (await JobsAsync()).OrderBy(job => job.TrainingJobName.Length).Select(job => job.TrainingJobStatus.Value));
        Assert.Equal(expected.Length, ReturnsApp.Field(result, "attempts").GetInt32());
        if (!capacityReturns)
            Assert.NotEqual(
                true,
                (
                    await sageMaker.DescribeTrainingJobAsync(new DescribeTrainingJobRequest { TrainingJobName = name + "-a2" })
                ).EnableManagedSpotTraining
            );
    }

    [TorchFact]
    public async Task The_job_of_a_run_that_was_terminated_is_stopped_by_the_reaper()
    {
        await sandbox.SetAsync("jobStartDelaySeconds", 600);
        await world.App.PostAsync("/api/returns", Forced);
        await JobAsync();
        string name = Assert.Single(await JobsAsync()).TrainingJobName;
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await world.App.PostAsync($"/runtime/webhooks/durabletask/instances/{ReturnsRequest.InstanceId}/terminate?reason=now")).Status
        );
        Assert.Equal("Terminated", (await world.App.WaitAsync(ReturnsRequest.InstanceId)).GetProperty("runtimeStatus").GetString());
        Assert.Equal(TrainingJobStatus.InProgress, Assert.Single(await JobsAsync()).TrainingJobStatus); // nobody is left to stop it

        await Eventually.HoldsAsync(async () =>
        {
            await world.App.PostAsync("/admin/functions/ReapClusters", "{}");
            return await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'") == 0;
        });
        Assert.Equal(TrainingJobStatus.Stopped, Assert.Single(await JobsAsync()).TrainingJobStatus);
        Assert.Equal(
            "reaper",
            await world.ScalarAsync<string>("SELECT closed_by FROM operations.machine_leases ORDER BY granted_at DESC NULLS LAST LIMIT 1")
        );
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM operations.notifications WHERE event = 'cost_guard' AND body LIKE '%is Terminated%' AND body LIKE '%' || $1 || '%'",
                name
            )
        );

        // And the next training is a run like any other.
        await NextSecondAsync();
        await sandbox.SetAsync("jobStartDelaySeconds", 0);
        Assert.NotEqual("UpToDate", State(await world.RunAsync("returns", Forced, ReturnsRequest.InstanceId)));
    }

    [TorchFact]
    public async Task A_lost_create_reply_is_found_again_and_a_run_that_ended_before_its_verdict_is_not_paid_for_twice()
    {
        await sandbox.FaultAsync("sagemaker", "CreateTrainingJob", "lost-reply");
        await sandbox.FaultAsync("s3", "GetObject", "denied", times: -1, match: "model.tar.gz"); // no verdict can be found
        await world.App.PostAsync("/api/returns", Forced);
        Assert.Contains("Injected", await world.FailureAsync(ReturnsRequest.InstanceId));
        await sandbox.ClearFaultsAsync();
        JsonElement result = await world.RunAsync("returns", "{}", ReturnsRequest.InstanceId);
        Assert.NotEqual("UpToDate", State(result));
        Assert.Equal(0, ReturnsApp.Field(result, "billedSeconds").GetInt32());
        Assert.Single(await JobsAsync());
    }

    [TorchFact]
    public async Task A_job_over_its_budget_never_begins()
    {
        await world.App.PostAsync("/api/returns", """{"force": true, "instanceType": "ml.p5.48xlarge"}""");
        Assert.Contains("CostGuard__RunUsd", await world.FailureAsync(ReturnsRequest.InstanceId));
        Assert.Empty(await JobsAsync());
    }

    [TorchFact]
    public async Task Bad_data_stops_before_anything_is_paid_for()
    {
        const string Spoilt = "ts > (SELECT max(ts) FROM simulations_10m) - interval '5 hours'";
        await ExecuteAsync(
            $"CREATE TABLE kept AS SELECT * FROM simulations_10m WHERE {Spoilt}; UPDATE simulations_10m SET scalper_return_pct = 'NaN' WHERE {Spoilt}"
        );
        await world.App.PostAsync("/api/returns", Forced);
        Assert.Contains("rejected_share of simulations_10m", await world.FailureAsync(ReturnsRequest.InstanceId));
        Assert.Equal("not_finite 30", await world.ScalarAsync<string>("SELECT reason || ' ' || rows FROM returns.rejects"));
        Assert.Empty(await JobsAsync());
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM operations.notifications WHERE event = 'failed' AND body LIKE '%rejected_share%'"
            )
        );
        await ExecuteAsync($"DELETE FROM simulations_10m WHERE {Spoilt}; INSERT INTO simulations_10m SELECT * FROM kept; DROP TABLE kept");
    }

    private Task JobAsync() => Eventually.HoldsAsync(async () => (await JobsAsync()).Count > 0, "no job was created");

    /// <summary>Jobs of this test.</summary>
    private async Task<IReadOnlyList<TrainingJobSummary>> JobsAsync() =>
        [.. (await ListAsync()).Where(job => !before.Contains(job.TrainingJobName))];

    private async Task<IReadOnlyList<TrainingJobSummary>> ListAsync()
    {
        using AmazonSageMakerClient sageMaker = sandbox.SageMaker();
        return (await sageMaker.ListTrainingJobsAsync(new ListTrainingJobsRequest { MaxResults = 100 })).TrainingJobSummaries ?? [];
    }

    private async Task ExecuteAsync(string sql)
    {
        await using Npgsql.NpgsqlCommand command = world.Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static string State(JsonElement result) => ReturnsApp.Field(result, "state").GetString()!;

    public sealed class Shared : IAsyncLifetime
    {
        public AwsSandbox Sandbox { get; } = new();

        internal ReturnsApp World { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            await Sandbox.InitializeAsync();
            World = await ReturnsApp.StartAsync(
                Sandbox,
                new Dictionary<string, string>
                {
                    ["Returns__Spot"] = "true",
                    ["Returns__Epochs"] = "6",
                    ["CostGuard__HourlyPrices"] = "ml.m5.large=0.15,ml.p5.48xlarge=100",
                }
            );
        }

        public async Task DisposeAsync()
        {
            await World.DisposeAsync();
            await Sandbox.DisposeAsync();
        }
    }
}

/// <summary>A job that meets its limit.</summary>
public sealed class ReturnsOverTimeTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [TorchFact]
    public async Task A_job_over_its_time_is_ended_and_reported()
    {
        DirectoryInfo jobs = Directory.CreateTempSubdirectory("slow-jobs-");
        jobs.CreateSubdirectory("returns");
        jobs.CreateSubdirectory("training");
        await File.WriteAllTextAsync(Path.Combine(jobs.FullName, "returns", "train.py"), "import time\ntime.sleep(60)\n");
        await using ReturnsApp world = await ReturnsApp.StartAsync(
            sandbox,
            new Dictionary<string, string> { ["Returns__JobsDirectory"] = jobs.FullName, ["Returns__LongestTraining"] = "00:00:05" }
        );
        await world.App.PostAsync("/api/returns");
        string failure = await world.FailureAsync(ReturnsRequest.InstanceId);
        Assert.Contains("time limit", failure);
        Assert.Contains("billed", failure);
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
        Assert.True(await world.ScalarAsync<long>("SELECT sum(seconds_billed)::bigint FROM operations.leased_machines") >= 5);
        jobs.Delete(recursive: true);
    }
}
