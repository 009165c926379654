using Durable.Pipelines.Benchmark.Data;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Benchmark;

namespace Durable.Tests.Jobs.Benchmark;

/// <summary>The six scripts, really run: what they reach, that test rows have no part in it, and how they fail.</summary>
public sealed class TrainingScriptTests : IDisposable
{
    private static readonly DataSplit Table = GeneratedTable.Make(3000, 42),
        Images = MnistFiles.Read(Mnist.Make(1000, 200));

    private readonly string folder = Directory.CreateTempSubdirectory("training-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TrainingFact("xgboost")]
    public Task XGBoost_passes_its_gate_settles_and_comes_out_the_same_again() => TrainsAsync("xgboost", "model.json", Table, 0.85);

    [TrainingFact("lightgbm")]
    public Task LightGBM_passes_its_gate_settles_and_comes_out_the_same_again() => TrainsAsync("lightgbm", "model.txt", Table, 0.87);

    [TrainingFact("torch")]
    public Task A_PyTorch_MLP_passes_its_gate_settles_and_comes_out_the_same_again() =>
        TrainsAsync("pytorch-mlp", "model.pth", Images, 0.95, "--epochs", "4", "--batch", "32");

    [TrainingFact("torch")]
    public Task A_PyTorch_CNN_passes_its_gate_settles_and_comes_out_the_same_again() =>
        TrainsAsync("pytorch-cnn", "model.pth", Images, 0.98, "--epochs", "2", "--batch", "32");

    [TrainingFact("lightgbm")]
    public async Task Hyperparameters_come_by_the_environment_too_and_fewer_rows_are_the_first_ones()
    {
        TrainingScripts.Write(Table, folder);
        ScriptRun run = await TrainingScripts.RunAsync(
            TrainingScripts.ScriptOf("lightgbm"),
            folder,
            environment: new Dictionary<string, string> { ["SM_HPS"] = """{"train-rows": 500, "epochs": 3, "seed": 7}""" }
        );
        Assert.True(run.ExitCode == 0, run.Log);
        Assert.Equal(
            (500, 300, 3, "7"),
            (run.Report.Rows["train"], run.Report.Rows["validation"], run.Report.Epochs.Count, run.Report.Parameters["seed"].ToString())
        );
    }

    [TrainingFact("torch")]
    public async Task A_loss_that_is_no_number_ends_the_job()
    {
        TrainingScripts.Write(Images, folder);
        ScriptRun run = await TrainingScripts.RunAsync(
            TrainingScripts.ScriptOf("pytorch-mlp"),
            folder,
            arguments: ["--learning-rate", "1e30", "--epochs", "3"]
        );
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("Diverged: ", run.Failure, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(run.Folder, "data", "metrics.json")));
    }

    [TrainingFact("torch")]
    public async Task A_job_that_needs_more_memory_than_its_limit_says_so()
    {
        TrainingScripts.Write(Table, folder);
        string script = Path.Combine(folder, "greedy.py");
        await File.WriteAllTextAsync(
            script,
            "import scriptmode\nscriptmode.run(lambda job: job.module('torch').zeros(1 << 30), 'pytorch')\n"
        );
        ScriptRun run = await TrainingScripts.RunAsync(script, folder, arguments: ["--memory-mb", "1500"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal("MemoryError: more than memory-mb=1500 MB were needed", run.Failure);
    }

    [TrainingFact("numpy")]
    public async Task Where_TensorFlow_is_absent_its_model_is_not_run_and_the_reason_is_given()
    {
        TrainingScripts.Write(Images, folder);
        ScriptRun run = await TrainingScripts.RunAsync(
            TrainingScripts.ScriptOf("tensorflow-mlp"),
            folder,
            environment: new Dictionary<string, string> { ["PYTHONPATH"] = Path.Combine(SparkStandIn.Root, "Jobs", "training") }
        );
        if (TrainingScripts.Has("tensorflow"))
            return;
        Assert.Equal(78, run.ExitCode);
        Assert.StartsWith("NotRun: tensorflow is not installed in this image", run.Failure, StringComparison.Ordinal);
    }

    /// <summary>A stub of Keras that counts parameters and answers even probabilities: everything of the scripts but the
    /// arithmetic.</summary>
    [TrainingTheory("numpy"), InlineData("tensorflow-mlp", 101_770), InlineData("tensorflow-cnn", 121_930)]
    public async Task The_TensorFlow_scripts_build_fit_and_leave_what_they_should_against_a_stub(string model, int parameters)
    {
        TrainingScripts.Write(Images, folder);
        ScriptRun run = await TrainingScripts.RunAsync(
            TrainingScripts.ScriptOf(model),
            folder,
            environment: new Dictionary<string, string>
            {
                ["PYTHONPATH"] = string.Join(
                    ':',
                    Path.Combine(SparkStandIn.Root, "Jobs", "training"),
                    Path.Combine(SparkStandIn.Root, "tests", "Jobs", "Benchmark", "stub")
                ),
            }
        );
        Assert.True(run.ExitCode == 0, run.Log);
        Assert.Equal((3, 2, 900), (run.Report.Epochs.Count, run.Report.BestEpoch, run.Report.Rows["train"]));
        Assert.Equal(
            $"{parameters} parameters, compiled adam sparse_categorical_crossentropy, fitted (900, 28, 28, 1) with (100, 28, 28, 1) held out, 10 epochs of 128, patience 2",
            System.Text.Encoding.UTF8.GetString(run.Model("model.keras"))
        );
        Assert.Equal(0.1, run.ScoresOn(Images.HeldOut).Accuracy, 3);
    }

    [TrainingTheory("numpy")]
    [InlineData("--no-such-thing", "1", "unknown parameter no-such-thing")]
    [InlineData("--seed", null, "usage: --name value")]
    public async Task A_parameter_nobody_knows_is_refused(string name, string? value, string why)
    {
        TrainingScripts.Write(Table, folder);
        ScriptRun run = await TrainingScripts.RunAsync(
            TrainingScripts.ScriptOf("xgboost"),
            folder,
            arguments: value is null ? [name] : [name, value]
        );
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(why, run.Log, StringComparison.Ordinal);
    }

    private async Task TrainsAsync(string model, string file, DataSplit data, double gate, params string[] arguments)
    {
        TrainingScripts.Write(data, folder);
        ScriptRun run = await TrainingScripts.RunAsync(TrainingScripts.ScriptOf(model), folder, arguments: arguments);
        Assert.True(run.ExitCode == 0, run.Log);
        double accuracy = run.ScoresOn(data.HeldOut).Accuracy;
        Assert.True(accuracy > gate, $"{model}: {accuracy}");
        Durable.Pipelines.Benchmark.Results.Convergence convergence = Durable.Pipelines.Benchmark.Results.Convergence.Of(
            run.Report.Epochs,
            run.Report.BestEpoch
        );
        Assert.True(convergence.Converged, convergence.Detail);
        Assert.Equal(data.TrainRows, run.Report.Rows["train"]);

        // The same seed again, with every test row replaced by a mark: a model that had seen a single one of them would be another.
        TrainingScripts.Write(
            data,
            folder,
            (name, content) => name.StartsWith("test/", StringComparison.Ordinal) ? Marked(content) : content
        );
        ScriptRun again = await TrainingScripts.RunAsync(TrainingScripts.ScriptOf(model), folder, "again", arguments: arguments);
        Assert.True(again.ExitCode == 0, again.Log);
        if (file.EndsWith(".pth", StringComparison.Ordinal))
            Assert.Equal(
                run.Report.Epochs.Select(point => (point.TrainLoss, point.ValidationLoss)),
                again.Report.Epochs.Select(point => (point.TrainLoss, point.ValidationLoss))
            );
        else
            Assert.Equal(run.Model(file), again.Model(file));
        Assert.NotEqual(accuracy, again.ScoresOn(data.HeldOut).Accuracy);

        static byte[] Marked(byte[] content)
        {
            byte[] marked = [.. content];
            marked.AsSpan(128).Fill(0x41); // 12.08 as float32, 65 as a pixel
            return marked;
        }
    }
}
