using Durable.Pipelines.Benchmark.Data;

namespace Durable.Pipelines.Benchmark;

/// <summary>One model of the suite.</summary>
/// <param name="Name">In ids, the ledger, MLflow. Never changes.</param>
/// <param name="Framework">Which training image runs it.</param>
/// <param name="Script">In <c>Jobs/benchmark</c>.</param>
/// <param name="Parameters">Hyperparameters of the script.</param>
/// <param name="LeastAccuracy">The gate: accuracy on held-out rows must be above this, 0 to 1.</param>
/// <param name="Priority">1 goes first.</param>
/// <param name="MemoryMb">Limit of its job, and its share of <c>Benchmark__MemoryMb</c>.</param>
/// <param name="Cpus">Its share of <c>Benchmark__Cpus</c>.</param>
/// <param name="Longest">Time limit of the job.</param>
public sealed record ModelDefinition(
    string Name,
    string Title,
    string Framework,
    string DataSet,
    string Script,
    IReadOnlyDictionary<string, string> Parameters,
    double LeastAccuracy,
    int Priority,
    int MemoryMb,
    int Cpus,
    string InstanceType,
    TimeSpan Longest
)
{
    /// <summary>Name in the registry.</summary>
    public string RegisteredName => $"benchmark-{Name}";
}

/// <summary>Two models to compare, and the question this answers.</summary>
public sealed record ModelPair(string First, string Second, string Question);

/// <summary>The suite. A new model is one entry here and a script in <c>Jobs/benchmark</c>.</summary>
public static class BenchmarkModels
{
    public static IReadOnlyList<ModelDefinition> All { get; } =
    [
        new(
            "xgboost",
            "XGBoost",
            "xgboost",
            DataSetNames.Tabular,
            "xgboost_classifier.py",
            Parameters(
                ("max-depth", "6"),
                ("eta", "0.3"),
                ("subsample", "0.8"),
                ("colsample", "0.8"),
                ("rounds", "100"),
                ("early-stopping", "10")
            ),
            0.85,
            1,
            2048,
            1,
            "ml.m5.large",
            TimeSpan.FromMinutes(20)
        ),
        new(
            "lightgbm",
            "LightGBM",
            "lightgbm",
            DataSetNames.Tabular,
            "lightgbm_classifier.py",
            Parameters(
                ("num-leaves", "31"),
                ("learning-rate", "0.05"),
                ("subsample", "0.8"),
                ("feature-fraction", "0.8"),
                ("rounds", "100"),
                ("early-stopping", "10")
            ),
            0.87,
            2,
            2048,
            1,
            "ml.m5.large",
            TimeSpan.FromMinutes(20)
        ),
        new(
            "tensorflow-mlp",
            "TensorFlow MLP",
            "tensorflow",
            DataSetNames.Mnist,
            "tensorflow_mlp.py",
            Parameters(("default-epochs", "10"), ("batch", "128"), ("dropout", "0.2")),
            0.95,
            3,
            3072,
            2,
            "ml.m5.large",
            TimeSpan.FromMinutes(45)
        ),
        new(
            "tensorflow-cnn",
            "TensorFlow CNN",
            "tensorflow",
            DataSetNames.Mnist,
            "tensorflow_cnn.py",
            Parameters(("default-epochs", "10"), ("batch", "128")),
            0.98,
            4,
            4096,
            2,
            "ml.m5.xlarge",
            TimeSpan.FromMinutes(90)
        ),
        new(
            "pytorch-mlp",
            "PyTorch MLP",
            "pytorch",
            DataSetNames.Mnist,
            "pytorch_mlp.py",
            Parameters(("default-epochs", "10"), ("batch", "128"), ("learning-rate", "0.001"), ("dropout", "0.2")),
            0.95,
            5,
            3072,
            2,
            "ml.m5.large",
            TimeSpan.FromMinutes(45)
        ),
        new(
            "pytorch-cnn",
            "PyTorch CNN",
            "pytorch",
            DataSetNames.Mnist,
            "pytorch_cnn.py",
            Parameters(("default-epochs", "10"), ("batch", "128"), ("learning-rate", "0.001")),
            0.98,
            6,
            4096,
            2,
            "ml.m5.xlarge",
            TimeSpan.FromMinutes(90)
        ),
    ];

    /// <summary>The comparisons.</summary>
    public static IReadOnlyList<ModelPair> Pairs { get; } =
    [
        new("lightgbm", "xgboost", "LightGBM or XGBoost"),
        new("tensorflow-cnn", "tensorflow-mlp", "CNN or MLP (TensorFlow)"),
        new("pytorch-cnn", "pytorch-mlp", "CNN or MLP (PyTorch)"),
        new("pytorch-mlp", "tensorflow-mlp", "PyTorch or TensorFlow (MLP)"),
        new("pytorch-cnn", "tensorflow-cnn", "PyTorch or TensorFlow (CNN)"),
    ];

    /// <summary>The model with this name; null when there is none.</summary>
    public static ModelDefinition? Find(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <exception cref="ArgumentException">There is no such model; permanent.</exception>
    public static ModelDefinition Get(string name) =>
        Find(name)
        ?? throw new ArgumentException($"There is no model '{name}'; there are {string.Join(", ", All.Select(model => model.Name))}.");

    private static Dictionary<string, string> Parameters(params (string Name, string Value)[] all) =>
        all.ToDictionary(pair => pair.Name, pair => pair.Value);
}
