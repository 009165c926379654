namespace Durable.Pipelines.Climate.Sample;

/// <summary>Which sample climate to generate.</summary>
/// <param name="Cells">1 to 451,351.</param>
/// <param name="Seed">The same seed gives the same climate.</param>
public sealed record SampleRequest(int Cells, int Seed, int StartYear, int EndYear);
