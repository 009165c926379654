using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Pothole;

/// <summary>Which of the requested days still need a run, in order; with force, all.</summary>
public sealed class ListUnfinishedDays(PotholeSteps steps)
{
    [Function(nameof(ListUnfinishedDays))]
    public async Task<IReadOnlyList<string>> RunAsync([ActivityTrigger] BackfillRequest request, CancellationToken cancellationToken)
    {
        List<string> days = [];
        foreach (DateOnly day in RunDates.Range(PotholeSteps.Day(request.From), PotholeSteps.Day(request.To)))
        {
            string date = RunDates.Text(day);
            if (request.Force || !(await steps.ReadAsync(date, cancellationToken)).ContainsKey(PotholePlanner.Load))
                days.Add(date);
        }

        return days;
    }
}
