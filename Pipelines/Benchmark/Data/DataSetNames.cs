namespace Durable.Pipelines.Benchmark.Data;

/// <summary>What a model is trained on.</summary>
public static class DataSetNames
{
    public const string Tabular = "tabular",
        Mnist = "mnist";
}
