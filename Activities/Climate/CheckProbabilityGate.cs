using System.Text.Json.Serialization;
using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Whether P(H) of the same scenarios and years is in place.</summary>
public sealed record ProbabilityGate(ProbabilityState State, string Detail);

/// <summary>How far P(H) is. The text is in histories.</summary>
[JsonConverter(typeof(StoredTextConverter<ProbabilityState>))]
public enum ProbabilityState
{
    /// <summary>Every partition is in place.</summary>
    Passed,

    /// <summary>A run fills what is missing.</summary>
    Running,

    /// <summary>A partition failed and nobody works on it.</summary>
    Failed,

    /// <summary>Partitions are missing and nobody works on them.</summary>
    [JsonStringEnumMemberName("not started")]
    NotStarted,
}

/// <summary>Checks the probability partitions of a hazard request. Changes nothing.</summary>
public sealed class CheckProbabilityGate(ClimatePlanner planner, Partitions partitions)
{
    [Function(nameof(CheckProbabilityGate))]
    public async Task<ProbabilityGate> RunAsync([ActivityTrigger] ClimateRequest request, CancellationToken cancellationToken)
    {
        Plan plan = await planner.PlanProbabilityAsync(request with { Force = false }, cancellationToken);
        if (plan.ToFill == 0)
            return new ProbabilityGate(ProbabilityState.Passed, "every P(H) partition is in place");

        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(ProbabilityTable.Kind, cancellationToken);
        PartitionRecord[] open =
        [
            .. plan
                .Partitions.Where(partition => partition.IsToFill)
                .Select(partition => ledger.GetValueOrDefault(partition.Key))
                .OfType<PartitionRecord>(),
        ];
        if (open.FirstOrDefault(record => record.ClaimedBy is not null) is { } running)
        {
            return new ProbabilityGate(ProbabilityState.Running, $"run {running.ClaimedBy} has {plan.ToFill} P(H) partitions to go");
        }

        return open.FirstOrDefault(record => record.State == PartitionState.Failed) is { } failed
            ? new ProbabilityGate(ProbabilityState.Failed, $"P(H) of {failed.Key} failed: {failed.Error}")
            : new ProbabilityGate(
                ProbabilityState.NotStarted,
                $"{plan.ToFill} P(H) partitions are missing or stale and no run works on them"
            );
    }
}
