using Microsoft.ML.OnnxRuntime;

namespace Durable.Pipelines.Returns;

/// <summary>A loaded network: 512 numbers in, six returns in per cent out. Runs on one thread; thread-safe.</summary>
public sealed class ReturnsModel : IDisposable
{
    private static readonly string[] Inputs = ["features"],
        Outputs = ["returns"];
    private readonly InferenceSession session;
    private readonly RunOptions run = new();

    private ReturnsModel(InferenceSession session) => this.session = session;

    public static int Targets => ReturnsShape.Targets.Count;

    /// <exception cref="ModelArchiveException">It is not such a network.</exception>
    public static ReturnsModel Load(byte[] onnx)
    {
        OnnxCheck.Check(onnx);
        try
        {
            // Spinning idle threads take CPU from the database; one thread is faster for such a small network anyway.
            using SessionOptions options = new()
            {
                IntraOpNumThreads = 1,
                InterOpNumThreads = 1,
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            };
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            InferenceSession session = new(onnx, options);
            if (
                Columns(session.InputMetadata, Inputs[0]) != ReturnsShape.Features
                || Columns(session.OutputMetadata, Outputs[0]) != Targets
            )
            {
                session.Dispose();
                throw new ModelArchiveException($"model.onnx does not take {ReturnsShape.Features} features to {Targets} returns.");
            }

            return new ReturnsModel(session);
        }
        catch (OnnxRuntimeException error)
        {
            throw new ModelArchiveException($"model.onnx cannot be loaded: {error.Message}");
        }
    }

    /// <summary>Predicts one row.</summary>
    public float[] Predict(float[] features)
    {
        float[] predicted = new float[Targets];
        Predict(features, predicted);
        return predicted;
    }

    /// <summary>Predicts consecutive rows.</summary>
    /// <param name="features">Rows × 512.</param>
    /// <param name="predicted">Rows × 6, filled.</param>
    public void Predict(Memory<float> features, Memory<float> predicted)
    {
        int rows = features.Length / ReturnsShape.Features;
        if (rows == 0 || features.Length != rows * ReturnsShape.Features || predicted.Length != rows * Targets)
            throw new ArgumentException($"{features.Length} features and {predicted.Length} returns are not whole rows.");
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, features, [rows, ReturnsShape.Features]);
        using OrtValue output = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, predicted, [rows, Targets]);
        session.Run(run, Inputs, [input], Outputs, [output]);
    }

    public void Dispose()
    {
        run.Dispose();
        session.Dispose();
    }

    private static int Columns(IReadOnlyDictionary<string, NodeMetadata> nodes, string name) =>
        nodes.TryGetValue(name, out NodeMetadata? node)
        && node.ElementDataType == Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float
        && node.Dimensions is [_, int columns]
            ? columns
            : 0;
}
