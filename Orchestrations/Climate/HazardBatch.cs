using Durable.Activities.Climate;
using Durable.Activities.Operations;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Climate;

/// <summary>Scores every scenario × year that is missing, failed, stale or forced, <c>Workers</c> groups at a time.</summary>
public static class HazardBatch
{
    /// <summary>How long to wait for the P(H) run to start before failing.</summary>
    private static readonly TimeSpan LongestWaitForStart = TimeSpan.FromHours(1);

    private static readonly TimeSpan LongestPoll = TimeSpan.FromMinutes(5);

    /// <returns>The run's numbers, as in the ledger.</returns>
    /// <exception cref="BatchFailedException">Some partitions failed; the others are in place. Start again to fill only the failed
    /// ones.</exception>
    [Function(nameof(HazardBatch))]
    public static async Task<RunStatistics> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, ClimateRequest request)
    {
        if (request.AfterProbability)
            await WaitForProbabilityAsync(context, request);

        ClimateRun run = new(context.InstanceId, context.CurrentUtcDateTime, request);
        if (request.Backup)
            await context.CallActivityAsync<string>(nameof(BackupResults), ResultTables.Backup, Retries.Standard);
        return await Closing.RunAsync(context, run.RunId, FillAsync);

        async Task<RunStatistics> FillAsync()
        {
            HazardWork work = await context.CallActivityAsync<HazardWork>(nameof(BeginHazardRun), run, Retries.Standard);
            IReadOnlyList<PartitionOutcome> outcomes = await Lanes.DrainAsync(
                context,
                HazardTable.Kind,
                run.RunId,
                work.Groups,
                request.Workers,
                group => [.. group.Years.Select(group.Key)],
                group => context.CallActivityAsync<IReadOnlyList<PartitionOutcome>>(nameof(WriteHazardYears), group, Retries.Standard)
            );
            return await Lanes.FinishAsync(context, run.RunId, outcomes, work.Skipped);
        }
    }

    private static async Task WaitForProbabilityAsync(TaskOrchestrationContext context, ClimateRequest request)
    {
        DateTime begun = context.CurrentUtcDateTime;
        TimeSpan pause = TimeSpan.FromSeconds(1);
        while (true)
        {
            ProbabilityGate gate = await context.CallActivityAsync<ProbabilityGate>(
                nameof(CheckProbabilityGate),
                request,
                Retries.Standard
            );
            bool startOverdue = gate.State == ProbabilityState.NotStarted && context.CurrentUtcDateTime - begun > LongestWaitForStart;
            if (gate.State == ProbabilityState.Passed)
                return;
            if (gate.State == ProbabilityState.Failed || startOverdue)
                throw new BatchFailedException($"H does not start: {gate.Detail}");

            context.SetCustomStatus(new { waitingFor = gate.Detail });
            await context.CreateTimer(pause, CancellationToken.None);
            pause = pause * 2 < LongestPoll ? pause * 2 : LongestPoll;
        }
    }
}
