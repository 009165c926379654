using System.Buffers.Binary;
using System.Text.Json;
using Durable.Pipelines.Returns;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>The training script, run for real.</summary>
public sealed class TrainScriptTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("train-script-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TorchFact]
    public async Task Onnx_Runtime_says_what_torch_says()
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        (int code, string output) = await ReturnsSample.PythonAsync(
            sample.Folder,
            $$"""
            import sys, json, numpy, torch
            sys.path.insert(0, '{{Path.Combine(Fixtures.SparkStandIn.Root, "Jobs", "returns")}}')
            import train
            model = train.network([256, 128, 64], 0.15, False)
            model.load_state_dict(torch.load('model/model.pth'))
            model.eval()
            x = torch.from_numpy(numpy.load('train.npy')['features'].copy())
            print(json.dumps(model(x).detach().numpy().tolist()))
            """
        );
        Assert.True(code == 0, output);
        float[][] torch = JsonSerializer.Deserialize<float[][]>(output)!;
        using ReturnsModel model = ReturnsModel.Load(sample.Onnx);
        float[] predicted = new float[sample.Rows.Count * 6];
        model.Predict(sample.Rows.SelectMany(row => row.Features).ToArray(), predicted);
        for (int i = 0; i < predicted.Length; i++)
            Assert.Equal(torch[i / 6][i % 6], predicted[i], 1e-5f);
        Assert.Equal(
            torch[7],
            model.Predict(sample.Rows[7].Features).Select((value, i) => Math.Abs(value - torch[7][i]) < 1e-5f ? torch[7][i] : value)
        );
    }

    [TorchFact]
    public async Task Metrics_are_complete_and_the_model_has_learned()
    {
        JsonElement metrics = (await ReturnsSample.ModelAsync()).Metrics;
        Assert.Equal(
            (280, 40, 80),
            (
                metrics.GetProperty("train_samples").GetInt32(),
                metrics.GetProperty("val_samples").GetInt32(),
                metrics.GetProperty("test_samples").GetInt32()
            )
        );
        Assert.Equal("s3://bucket/train.parquet", metrics.GetProperty("train_uri").GetString());
        Assert.Equal(["trend_return_pct"], metrics.GetProperty("constant_targets").EnumerateArray().Select(name => name.GetString()));
        Assert.True(metrics.GetProperty("test_mse").GetDouble() < metrics.GetProperty("baseline_mean_mse").GetDouble());
        foreach (string name in (string[])["best_epoch", "best_val_mse", "test_mae", "test_r2", "baseline_zero_mse", "baseline_last_mse"])
            Assert.Equal(JsonValueKind.Number, metrics.GetProperty(name).ValueKind);
    }

    [TorchFact]
    public async Task The_saved_weights_are_the_best_ones_when_later_epochs_are_worse()
    {
        // A learning rate that overshoots: the error jumps about, and the last epoch is not the best.
        await TrainingSetFile.WriteAsync(
            Path.Combine(folder, "train.parquet"),
            Path.Combine(folder, "train.npy"),
            ReturnsSample.Async(ReturnsSample.Rows(120))
        );
        (int code, string output) = await ReturnsSample.RunScriptAsync(
            folder,
            "--epochs",
            "25",
            "--lr",
            "0.02",
            "--patience",
            "6",
            "--batch-size",
            "16"
        );
        Assert.True(code == 0, output);
        JsonElement metrics = JsonSerializer.Deserialize<JsonElement>(
            await File.ReadAllTextAsync(Path.Combine(folder, "output", "data", "metrics.json"))
        );
        double best = metrics.GetProperty("best_val_mse").GetDouble();
        Assert.True(metrics.GetProperty("best_epoch").GetInt32() < metrics.GetProperty("epochs").GetInt32() - 1, output);
        Assert.True(metrics.GetProperty("last_val_mse").GetDouble() > best, output);
        Assert.Equal(best, metrics.GetProperty("saved_val_mse").GetDouble(), 1e-9);
        Assert.Equal(metrics.GetProperty("val_mse").EnumerateArray().Min(value => value.GetDouble()), best);
        Assert.True(code == 0 && !File.Exists(Path.Combine(folder, "output", "failure")));
    }

    [TorchFact]
    public async Task Safetensors_hold_the_weights_of_the_network()
    {
        byte[] file = await File.ReadAllBytesAsync(Path.Combine((await ReturnsSample.ModelAsync()).Folder, "model", "model.safetensors"));
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        JsonElement tensors = JsonSerializer.Deserialize<JsonElement>(file.AsSpan(8, header));
        JsonElement[] weights =
        [
            .. tensors.EnumerateObject().Where(tensor => tensor.Name != "__metadata__").Select(tensor => tensor.Value),
        ];
        Assert.Equal(
            172_870,
            weights.Sum(tensor => tensor.GetProperty("shape").EnumerateArray().Aggregate(1, (product, size) => product * size.GetInt32()))
        );
        Assert.Equal(file.Length - 8 - header, weights.Max(tensor => tensor.GetProperty("data_offsets")[1].GetInt32()));
    }

    [TorchFact]
    public async Task A_layernorm_network_is_exported_too()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(60)];
        await TrainingSetFile.WriteAsync(
            Path.Combine(folder, "train.parquet"),
            Path.Combine(folder, "train.npy"),
            ReturnsSample.Async(rows)
        );
        (int code, string output) = await ReturnsSample.RunScriptAsync(
            folder,
            "--epochs",
            "2",
            "--use-layernorm",
            "true",
            "--hidden-dims",
            "32,16"
        );
        Assert.True(code == 0, output);
        using ReturnsModel model = ReturnsModel.Load(await File.ReadAllBytesAsync(Path.Combine(folder, "model", "model.onnx")));
        double mse = rows.TakeLast(12)
            .SelectMany(row => row.Targets.Zip(model.Predict(row.Features), (actual, guess) => (actual - guess) * (actual - guess)))
            .Average();
        JsonElement metrics = JsonSerializer.Deserialize<JsonElement>(
            await File.ReadAllTextAsync(Path.Combine(folder, "output", "data", "metrics.json"))
        );
        Assert.Equal(metrics.GetProperty("test_mse").GetDouble(), mse, 1e-6);
    }

    [TorchFact]
    public async Task Bad_rows_are_refused_with_counts_by_reason()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(20)];
        rows[3] = rows[3] with { Targets = [0, double.NaN, 0, 0, 0, 0] };
        rows[4].Features[9] = float.PositiveInfinity;
        rows[5].Features[300] += 0.5f;
        rows[6] = rows[6] with { BaseTs = rows[5].BaseTs };
        await TrainingSetFile.WriteAsync(
            Path.Combine(folder, "train.parquet"),
            Path.Combine(folder, "train.npy"),
            ReturnsSample.Async(rows)
        );
        (int code, string output) = await ReturnsSample.RunScriptAsync(folder);
        Assert.True(code == 3, output);
        Assert.Equal(
            "Bad rows: features not finite 1, a half is no unit vector 2, targets not finite 1, ts not unique 1.",
            await File.ReadAllTextAsync(Path.Combine(folder, "output", "failure"))
        );
    }

    [TorchFact]
    public async Task A_diverging_training_fails_and_leaves_no_model()
    {
        await TrainingSetFile.WriteAsync(
            Path.Combine(folder, "train.parquet"),
            Path.Combine(folder, "train.npy"),
            ReturnsSample.Async(ReturnsSample.Rows(40).Select(row => row with { Targets = [.. row.Targets.Select(_ => 1e30)] }))
        );
        (int code, string output) = await ReturnsSample.RunScriptAsync(folder, "--epochs", "3");
        Assert.True(code == 3, output);
        Assert.Contains("finite validation error", await File.ReadAllTextAsync(Path.Combine(folder, "output", "failure")));
        Assert.False(File.Exists(Path.Combine(folder, "model", "model.onnx")));
    }
}
