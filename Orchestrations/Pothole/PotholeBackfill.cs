using Durable.Activities.Pothole;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Pothole;

/// <summary>Runs the unfinished days of a range, one after the other: the cluster has one owner at a time.</summary>
public static class PotholeBackfill
{
    /// <returns>One outcome per day, failed ones included; the same range again runs only the failed ones.</returns>
    /// <exception cref="BatchFailedException">Some days failed; the others are in place.</exception>
    [Function(nameof(PotholeBackfill))]
    public static async Task<BackfillResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, BackfillRequest request)
    {
        IReadOnlyList<string> days = await context.CallActivityAsync<IReadOnlyList<string>>(
            nameof(ListUnfinishedDays),
            request,
            Retries.Standard
        );
        List<DayOutcome> outcomes = [];
        foreach (string date in days)
        {
            context.SetCustomStatus(
                new
                {
                    phase = date,
                    done = outcomes.Count(day => day.State != DayState.Failed),
                    failed = outcomes.Count(day => day.State == DayState.Failed),
                    total = days.Count,
                }
            );
            outcomes.Add(await RunDayAsync(context, new PotholeRequest(date, request.Force)));
        }

        int failed = outcomes.Count(day => day.State == DayState.Failed),
            empty = outcomes.Count(day => day.State == DayState.NoInput);
        BackfillResult result = new(
            DaysOf(request),
            DaysOf(request) - days.Count,
            outcomes.Count - failed - empty,
            empty,
            failed,
            outcomes
        );
        return failed == 0
            ? result
            : throw new BatchFailedException(
                $"{failed} of {days.Count} days failed: {string.Join("; ", outcomes.Where(day => day.State == DayState.Failed).Take(5).Select(day => $"{day.Date}: {day.Error}"))}"
            );
    }

    private static async Task<DayOutcome> RunDayAsync(TaskOrchestrationContext context, PotholeRequest request)
    {
        try
        {
            // The day's own id: a day also started elsewhere is not run twice; it fails here and is named.
            PotholeResult result = await context.CallSubOrchestratorAsync<PotholeResult>(
                nameof(PotholePipeline),
                request,
                new SubOrchestrationOptions(instanceId: request.InstanceId)
            );
            return new DayOutcome(request.Date, result.State);
        }
        catch (TaskFailedException error)
        {
            return new DayOutcome(request.Date, DayState.Failed, error.FailureDetails.ErrorMessage);
        }
    }

    private static int DaysOf(BackfillRequest request) =>
        RunDates.Range(DateOnly.ParseExact(request.From, "yyyy-MM-dd"), DateOnly.ParseExact(request.To, "yyyy-MM-dd")).Count();
}
