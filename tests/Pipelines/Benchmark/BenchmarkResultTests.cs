using System.Text;
using System.Xml.Linq;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Results;
using Microsoft.Extensions.Options;

namespace Durable.Tests.Pipelines.Benchmark;

/// <summary>Scores, convergence, archives, the comparison and the reading of requests and settings, without any server.</summary>
public sealed class BenchmarkResultTests
{
    [Fact]
    public void Scores_of_two_classes_by_hand()
    {
        // Predicted 1, 1, 0, 0, 1; true 1, 0, 0, 1, 1: hits 3 of 5; of class 1: 2 of 3 said, 2 of 3 are.
        float[] probabilities = [0.2f, 0.8f, 0.4f, 0.6f, 0.9f, 0.1f, 0.7f, 0.3f, 0.0f, 1.0f];
        ModelScores scores = Scoring.Of(probabilities, 5, 2, [1, 0, 0, 1, 1]);
        Assert.Equal((0.6, 2.0 / 3, 2.0 / 3), (scores.Accuracy, scores.Precision, scores.Recall));
        Assert.Equal(2.0 / 3, scores.F1, 12);
        Assert.Equal(-(Math.Log(0.8) + Math.Log(0.4) + Math.Log(0.9) + Math.Log(0.3)) / 5, scores.Loss, 6);
        Assert.Equal(
            [
                [1, 1],
                [1, 2],
            ],
            scores.Confusion.Select(row => row.ToArray())
        );
    }

    [Fact]
    public void Scores_of_three_classes_are_the_mean_over_the_classes()
    {
        float[] probabilities = [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1];
        ModelScores scores = Scoring.Of(probabilities, 4, 3, [0, 1, 2, 2]);
        Assert.Equal(0.75, scores.Accuracy);
        Assert.Equal((1 + 0.5 + 1) / 3, scores.Precision, 12);
        Assert.Equal((1 + 1 + 0.5) / 3, scores.Recall, 12);
    }

    [Theory]
    [InlineData(new[] { 0.5f, 0.4f }, 1, "add up to 0.9")]
    [InlineData(new[] { float.NaN, 1f }, 1, "as a probability")]
    [InlineData(new[] { -0.5f, 1.5f }, 1, "as a probability")]
    [InlineData(new[] { 0.5f, 0.5f, 0.5f, 0.5f }, 2, "scored 2 rows")]
    public void Invalid_scores_are_refused(float[] probabilities, int rows, string why) =>
        Assert.Contains(
            why,
            Assert.Throws<ModelOutputException>(() => Scoring.Of(probabilities, rows, 2, [1])).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("0.9,0.5,0.3", "0.8,0.6,0.5", 3, true)]
    [InlineData("0.9,0.5,0.3,0.2", "0.8,0.5,0.6,0.7", 2, true)] // the rise was thrown away
    [InlineData("0.9,0.5,0.3,0.2", "0.8,0.5,0.6,0.7", 4, false)] // and here it was kept
    [InlineData("0.5,0.6,0.7", "0.5,0.6,0.7", 1, false)] // the training loss rises
    [InlineData("0.9,NaN", "0.8,0.7", 2, false)]
    [InlineData("0.9,0.5", "0.8,0.7", 7, false)] // no such epoch
    [InlineData("0.4", "0.5", 1, true)]
    public void Convergence_is_judged_up_to_the_epoch_that_was_kept(string train, string validation, int best, bool converged)
    {
        double[] losses = Numbers(train),
            held = Numbers(validation);
        CurvePoint[] curve = [.. losses.Select((loss, at) => new CurvePoint(at + 1, loss, held[at], 0.9, 1))];
        Convergence judged = Convergence.Of(curve, best);
        Assert.True(judged.Converged == converged, judged.Detail);

        static double[] Numbers(string text) =>
            [.. text.Split(',').Select(number => double.Parse(number, System.Globalization.CultureInfo.InvariantCulture))];
    }

    [Fact]
    public void A_model_that_was_changed_after_training_is_found_out()
    {
        Dictionary<string, byte[]> model = new() { ["model.json"] = Encoding.UTF8.GetBytes("{}"), ["more/x.bin"] = [1, 2] };
        IReadOnlyDictionary<string, byte[]> read = ModelArchive.Read(new MemoryStream(ModelArchive.Write(model)));
        ModelFile[] trained =
        [
            .. model.Select(file => new ModelFile(
                file.Key,
                file.Value.Length,
                Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file.Value))
            )),
        ];
        ModelArchive.Verify(read, trained);
        Assert.Contains(
            "SHA-256",
            Assert
                .Throws<ModelOutputException>(() =>
                    ModelArchive.Verify(new Dictionary<string, byte[]>(read) { ["model.json"] = [9] }, trained)
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "not written by the training",
            Assert
                .Throws<ModelOutputException>(() =>
                    ModelArchive.Verify(new Dictionary<string, byte[]>(read) { ["evil.py"] = [9] }, trained)
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Throws<ModelOutputException>(() => ModelArchive.Verify(read, [.. trained, new ModelFile("absent", 1, "00")]));
        Assert.Throws<ModelOutputException>(() => ModelArchive.Read(new MemoryStream([1, 2, 3])));
        Assert.Equal(ModelArchive.Write(model), ModelArchive.Write(model.Reverse()));
    }

    [Fact]
    public void The_comparison_answers_the_seeds_questions_and_says_what_it_cannot()
    {
        ResultRow[] rows =
        [
            Row("xgboost", ModelState.Passed, 0.96, 2, 700_000, "t1"),
            Row("lightgbm", ModelState.Passed, 0.948, 1, 350_000, "t1"),
            Row("tensorflow-mlp", ModelState.NotRun, null, null, null, "m1"),
            Row("pytorch-mlp", ModelState.Passed, 0.97, 10, 400_000, "m1"),
            Row("pytorch-cnn", ModelState.GateFailed, 0.975, 80, 480_000, "m1"),
        ];
        ComparisonReport report = ComparisonReport.Make("benchmark/1", Verdict.Failed, rows);
        ComparedPair trees = report.Pairs[0];
        Assert.Equal(
            ("XGBoost is more accurate by 1.20 points; LightGBM takes 0.50 × the time and 0.50 × the size.", 0.5),
            (trees.Answer, trees.SecondsRatio!.Value)
        );
        Assert.Contains(
            "TensorFlow CNN never ran",
            report.Pairs.Single(pair => pair.First == "tensorflow-cnn").Answer,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "TensorFlow MLP is NotRun",
            report.Pairs.Single(pair => pair.Question.Contains("(MLP)", StringComparison.Ordinal)).Answer,
            StringComparison.Ordinal
        );
        string text = report.ToMarkdown();
        Assert.Contains("| PyTorch CNN | data | 0.9750 | > 0.98 |", text, StringComparison.Ordinal);
        Assert.Contains("GateFailed: because / of this", text, StringComparison.Ordinal);
        XDocument chart = XDocument.Parse(report.ToChart());
        Assert.Equal(4, chart.Descendants().Count(element => element.Name.LocalName == "polyline"));
        Assert.Equal(
            5,
            ComparisonReport
                .Make("r", Verdict.Passed, [rows[0], Row("lightgbm", ModelState.Passed, 0.9, 1, 1, "other data")])
                .Pairs.Count(pair => pair.Answer.StartsWith("Not comparable", StringComparison.Ordinal))
        );
    }

    [Fact]
    public void A_chart_holds_nothing_but_what_it_shows()
    {
        string svg = CurveChart.Draw(
            "<script>alert(1)</script>",
            "loss & more",
            [new ChartLine("a\"b", [(1, 1), (2, double.NaN), (3, 0.5)]), new ChartLine("flat", [(1, 2)])]
        );
        Assert.Equal(2, XDocument.Parse(svg).Descendants().Count(element => element.Name.LocalName == "polyline"));
        Assert.DoesNotContain("<script>", svg, StringComparison.Ordinal);
        Assert.DoesNotContain(
            XDocument.Parse(CurveChart.Draw("nothing", "y", [])).Descendants(),
            element => element.Name.LocalName == "polyline"
        );
    }

    [Theory]
    [InlineData("""{"models": ["resnet"]}""", "models")]
    [InlineData("""{"models": ["xgboost", 5, {}]}""", "models")]
    [InlineData("""{"models": []}""", "models")]
    [InlineData("""{"seed": -1}""", "seed")]
    [InlineData("""{"seed": "forty"}""", "seed")]
    [InlineData("""{"seed": 3000000000}""", "seed")]
    [InlineData("""{"trainRows": 50}""", "trainRows")]
    [InlineData("""{"epochs": 1001}""", "epochs")]
    [InlineData("""{"epochs": 1.5}""", "epochs")]
    [InlineData("""{"force": "yes"}""", "force")]
    [InlineData("""{"planHash": "../../etc"}""", "planHash")]
    [InlineData("""{"plan": "x"}""", "plan")]
    [InlineData("""{"dryRun": 2}""", "dryRun")]
    [InlineData("[1]", "body")]
    [InlineData("{", "body")]
    public void A_bad_request_names_the_field(string json, string field)
    {
        BenchmarkRequestReading reading = BenchmarkRequestReader.Read(json);
        Assert.Null(reading.Request);
        Assert.Contains(field, reading.Errors.Keys);
    }

    [Fact]
    public void A_request_is_the_same_however_its_models_are_ordered()
    {
        BenchmarkRequest request = BenchmarkRequestReader
            .Read("""{"models": ["pytorch-mlp", "xgboost", "xgboost"], "dryRun": true}""")
            .Request!;
        Assert.Equal(["xgboost", "pytorch-mlp"], request.Models);
        Assert.Equal(42, BenchmarkRequestReader.Read("").Request!.Seed);
    }

    [Theory]
    [InlineData("Bucket", "No_Bucket")]
    [InlineData("Prefix", "a//b")]
    [InlineData("MnistPrefix", "benchmark/mnist")]
    [InlineData("RoleArn", "arn:aws:iam::1:user/x")]
    [InlineData("Images", "xgboost")]
    [InlineData("Images", "xgboost=$(id)")]
    [InlineData("TabularRows", "499")]
    [InlineData("MemoryMb", "100")]
    [InlineData("Cpus", "0")]
    [InlineData("MlflowUrl", "ftp://mlflow")]
    [InlineData("MlflowUrl", "http://user:word@mlflow")]
    [InlineData("Experiment", "a b")]
    [InlineData("Alias", "v1")]
    [InlineData("Alias", "latest")]
    public void A_bad_setting_stops_the_start_and_is_named(string name, string value)
    {
        BenchmarkOptions options = new()
        {
            Bucket = name == "Bucket" ? value : "bucket",
            Prefix = name == "Prefix" ? value : "benchmark",
            MnistPrefix = name == "MnistPrefix" ? value : "mnist",
            RoleArn = name == "RoleArn" ? value : "arn:aws:iam::123456789012:role/sagemaker",
            Images = name == "Images" ? value : "xgboost=123.dkr.ecr.ap-northeast-2.amazonaws.com/xgboost:1.7-1",
            TabularRows = name == "TabularRows" ? int.Parse(value) : 10_000,
            MemoryMb = name == "MemoryMb" ? int.Parse(value) : 8192,
            Cpus = name == "Cpus" ? int.Parse(value) : 4,
            MlflowUrl = name == "MlflowUrl" ? value : "http://mlflow:5000",
            Experiment = name == "Experiment" ? value : "x",
            Alias = name == "Alias" ? value : "champion",
        };
        ValidateOptionsResult result = new BenchmarkOptionsValidator().Validate(null, options);
        Assert.StartsWith($"Benchmark__{name} is '", Assert.Single(result.Failures!), StringComparison.Ordinal);
        Assert.DoesNotContain("word", result.FailureMessage, StringComparison.Ordinal);
        Assert.True(new BenchmarkOptionsValidator().Validate(null, new BenchmarkOptions()).Succeeded);
    }

    [Fact]
    public void The_six_models_have_the_seeds_gates_and_order()
    {
        Assert.Equal(
            [
                ("xgboost", 0.85),
                ("lightgbm", 0.87),
                ("tensorflow-mlp", 0.95),
                ("tensorflow-cnn", 0.98),
                ("pytorch-mlp", 0.95),
                ("pytorch-cnn", 0.98),
            ],
            BenchmarkModels.All.OrderBy(model => model.Priority).Select(model => (model.Name, model.LeastAccuracy))
        );
        Assert.Equal(BenchmarkModels.Get("xgboost").DataSet, BenchmarkModels.Get("lightgbm").DataSet);
        Assert.All(
            BenchmarkModels.All,
            model => Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "Jobs", "benchmark", model.Script)), model.Script)
        );
    }

    private static ResultRow Row(string model, ModelState state, double? accuracy, double? seconds, long? bytes, string dataHash) =>
        new(
            "benchmark/1",
            model,
            "i",
            state,
            state is ModelState.Passed ? null : "because | of\nthis",
            BenchmarkModels.Get(model).Framework,
            "1",
            "data",
            dataHash,
            "job",
            new Dictionary<string, string>(),
            BenchmarkModels.Get(model).LeastAccuracy,
            accuracy,
            accuracy,
            accuracy,
            accuracy,
            0.1,
            seconds,
            10,
            0.01m,
            100,
            "s3://b/m",
            "00",
            bytes,
            2,
            accuracy is null ? null : "falls",
            accuracy is null ? [] : [new CurvePoint(1, 1, 0.9, 0.5, 1), new CurvePoint(2, 0.5, 0.6, 0.7, 1)],
            [],
            DateTime.UtcNow,
            DateTime.UtcNow,
            1,
            null,
            TrackingState.Pending
        );
}
