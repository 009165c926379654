using Durable.Activities.Climate;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Climate;

/// <summary>What was generated.</summary>
/// <param name="Values">Values written now; 0 when the sample already existed.</param>
public sealed record SampleReceipt(int Cells, int Seed, long Values);

/// <summary>Generates a sample grid and its climate, a decade of a scenario at a time. Running it again writes nothing.</summary>
public static class GenerateSample
{
    private const int YearsInStep = 10,
        LaneCount = 2;

    [Function(nameof(GenerateSample))]
    public static async Task<SampleReceipt> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, SampleRequest request)
    {
        await context.CallActivityAsync<int>(nameof(LoadSamplePlaces), request, Retries.Standard);
        Queue<SampleYears> waiting = new(
            from scenario in Scenarios.Names
            from year in Enumerable
                .Range(0, (request.EndYear - request.StartYear) / YearsInStep + 1)
                .Select(step => request.StartYear + step * YearsInStep)
            select new SampleYears(request.Cells, request.Seed, scenario, year, Math.Min(year + YearsInStep - 1, request.EndYear))
        );
        int total = waiting.Count,
            done = 0;
        long values = 0;
        await Task.WhenAll(Enumerable.Range(0, LaneCount).Select(_ => DrainAsync()));
        return new SampleReceipt(request.Cells, request.Seed, values);

        async Task DrainAsync()
        {
            while (waiting.TryDequeue(out SampleYears? years))
            {
                long written = await context.CallActivityAsync<long>(nameof(LoadSampleYears), years, Retries.Standard);
                values += written; // not values += await …: that reads the sum before the await, and loses what the other lane added
                context.SetCustomStatus(new { done = ++done, total });
            }
        }
    }
}
