using Durable.Activities.Climate;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Climate.Model;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Climate;

/// <summary>What was packed.</summary>
public sealed record PackReceipt(int Cells, int Districts, IReadOnlyList<int> Years, long Values);

/// <summary>Turns imported tables into the columns the batches read: places, then districts, then year by year. Running it again packs the
/// same.</summary>
public static class PackInputs
{
    [Function(nameof(PackInputs))]
    public static async Task<PackReceipt> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        int cells = await context.CallActivityAsync<int>(nameof(PackPlaces), Retries.Standard);
        IReadOnlyList<string> districts = await context.CallActivityAsync<IReadOnlyList<string>>(nameof(ListDistricts), Retries.Standard);
        foreach (string district in districts)
            await context.CallActivityAsync<long>(nameof(DeriveDistrict), district, Retries.Standard);

        IReadOnlyList<int> years = await context.CallActivityAsync<IReadOnlyList<int>>(nameof(ListInputYears), Retries.Standard);
        long values = 0;
        foreach ((int done, int year) in years.Index())
        {
            long packed = await context.CallActivityAsync<long>(nameof(PackYear), year, Retries.Standard);
            values += packed;
            context.SetCustomStatus(
                new
                {
                    done = done + 1,
                    total = years.Count,
                    values,
                }
            );
        }

        return new PackReceipt(cells, districts.Count, years, values);
    }
}
