using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost;

/// <summary>
/// Histories of an earlier build, replayed by the official worker on this one: an instance running when a new build is deployed must end as
/// before.
/// </summary>
public sealed class GoldenHistoryTests(GoldenHistoryTests.Worker worker) : IClassFixture<GoldenHistoryTests.Worker>
{
    [Fact]
    public void Every_orchestrator_of_the_app_has_one() =>
        Assert.Equal(
            worker
                .Host.Worker.Functions.Values.Where(function => function.TriggerType == "orchestrationTrigger")
                .Select(function => function.Name)
                .Order(StringComparer.Ordinal),
            GoldenHistory.Names
        );

    [Fact]
    public async Task Every_one_ends_as_it_did()
    {
        foreach (string name in GoldenHistory.Names)
        {
            GoldenHistory golden = GoldenHistory.Read(name);
            OrchestratorResponse response = await worker.Host.Calls.TurnAsync(name, golden.Request);
            Assert.True(
                golden.Response.Actions.Equals(response.Actions) && golden.Response.CustomStatus == response.CustomStatus,
                $"{name} ended with {response}, recorded is {golden.Response}"
            );
        }
    }

    [Fact]
    public async Task One_that_other_code_wrote_fails_and_says_why()
    {
        GoldenHistory golden = GoldenHistory.Read("PotholePipeline");
        golden.Request.PastEvents.First(e => e.TaskScheduled is not null).TaskScheduled.Name = "SomethingElse";
        CompleteOrchestrationAction end = (await worker.Host.Calls.TurnAsync(golden.Orchestrator, golden.Request))
            .Actions[^1]
            .CompleteOrchestration;
        Assert.Equal(OrchestrationStatus.Failed, end.OrchestrationStatus);
        Assert.Contains("Non-Deterministic workflow detected", end.FailureDetails.ErrorMessage, StringComparison.Ordinal);
    }

    public sealed class Worker : IAsyncLifetime
    {
        internal AzureHostDriver Host { get; private set; } = null!;

        public async Task InitializeAsync() =>
            Host = await AzureHostDriver.StartAsync(
                AppSettings.OfSample(new Dictionary<string, string> { ["PostgresConnection"] = await PostgresServer.CreateDatabaseAsync() })
            );

        public async Task DisposeAsync() => await Host.DisposeAsync();
    }
}
