using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Years of one scenario of a sample.</summary>
public sealed record SampleYears(int Cells, int Seed, string Scenario, int FirstYear, int LastYear);

/// <summary>Writes the annual columns of a sample. Skips years already written.</summary>
/// <returns>Values written.</returns>
public sealed class LoadSampleYears(SampleLoader loader)
{
    [Function(nameof(LoadSampleYears))]
    public Task<long> RunAsync([ActivityTrigger] SampleYears years, CancellationToken cancellationToken) =>
        loader.LoadYearsAsync(years.Cells, years.Seed, Scenarios.Parse(years.Scenario), years.FirstYear, years.LastYear, cancellationToken);
}
