using Durable.Functions.Http;
using Durable.Orchestrations.Benchmark;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Benchmark;

/// <summary>The daily suite, and the reaper of models whose orchestration is gone.</summary>
public sealed class BenchmarkTimers(BenchmarkPlanner planner, BenchmarkReaper reaper, BenchmarkOptions options)
{
    /// <summary>At 03:00 Korean time runs what is missing, failed or stale. Off unless <c>Benchmark__Daily</c> is set.</summary>
    [Function("TickBenchmark")]
    public async Task TickAsync(
        [TimerTrigger("0 0 18 * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn || !options.Daily || await client.IsActiveAsync(BenchmarkRequest.InstanceId, cancellationToken))
            return;
        BenchmarkRequest request = new([]);
        if ((await planner.PlanAsync(request, cancellationToken)).Work.Models.Count == 0)
            return;
        await client.ScheduleNewOrchestrationInstanceAsync(
            nameof(BenchmarkSuite),
            request,
            new StartOrchestrationOptions(BenchmarkRequest.InstanceId),
            cancellationToken
        );
    }

    /// <summary>Every minute: closes records of models whose orchestration has ended.</summary>
    [Function("ReapBenchmark")]
    public async Task<int> ReapAsync(
        [TimerTrigger("30 * * * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) =>
        options.IsOn
            ? await reaper.ReapAsync(
                async (instanceId, cancellation) =>
                    await client.GetInstanceAsync(instanceId, cancellation) is not { } run ? "absent"
                    : run.IsCompleted ? run.RuntimeStatus.ToString()
                    : null,
                (instanceId, reason, cancellation) => client.RaiseEventAsync(instanceId, LeasedCluster.CancelEvent, reason, cancellation),
                cancellationToken
            )
            : 0;
}
