namespace Durable.Pipelines.Benchmark.Data;

/// <summary>A data set: the files a job sees, and the labels it never sees.</summary>
/// <param name="Name">E.g. <c>tabular</c>, or <c>mnist-format</c> for files that look like MNIST and are not.</param>
/// <param name="Files">Relative path (<c>train/features.npy</c>) and content. Channels are <c>train</c>, <c>validation</c> and <c>test</c>;
/// the last has no labels.</param>
/// <param name="HeldOut">Labels of the test rows.</param>
internal sealed record DataSplit(
    string Name,
    int TrainRows,
    int ValidationRows,
    int TestRows,
    int Classes,
    IReadOnlyDictionary<string, byte[]> Files,
    byte[] HeldOut
);
