using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Durable.Operations.Ledger;
using Durable.Pipelines.Returns;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>Invalid archives, and the gates of a candidate.</summary>
public sealed class ModelTests
{
    private const string Metadata =
        """{"feature_dim": 512, "target_cols": ["trend_return_pct", "mean_revert_return_pct", "breakout_return_pct", "scalper_return_pct", "long_hold_return_pct", "short_hold_return_pct"], "metrics": {"test_mse": NAN}}""";

    public static TheoryData<string, string> Hostile =>
        new()
        {
            { "../../etc/cron.d/x", "outside its folder" },
            { "/etc/passwd", "outside its folder" },
            { "a/../../model.onnx", "outside its folder" },
            { "..\\model.onnx", "outside its folder" },
            { "link", "SymbolicLink" },
            { "hard", "HardLink" },
            { "twice", "twice" },
            { "huge", "more than 64 MB" },
            { "many", "more than 64 entries" },
            { "no onnx", "no model.onnx" },
            { "no metadata", "no metadata.json" },
        };

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_archive_is_refused(string what, string reason)
    {
        byte[] archive = Archive(tar =>
        {
            if (what != "no onnx")
                Add(tar, "model.onnx", [1]);
            if (what != "no metadata")
                Add(tar, "metadata.json", Encoding.UTF8.GetBytes(Metadata.Replace("NAN", "1", StringComparison.Ordinal)));
            switch (what)
            {
                case "link" or "hard":
                    tar.WriteEntry(
                        new PaxTarEntry(what == "link" ? TarEntryType.SymbolicLink : TarEntryType.HardLink, "link")
                        {
                            LinkName = "/etc/passwd",
                        }
                    );
                    break;
                case "twice":
                    Add(tar, "./model.onnx", [2]);
                    break;
                case "huge":
                    Add(tar, "model.pth", new byte[65 << 20]);
                    break;
                case "many":
                    for (int i = 0; i < 70; i++)
                        Add(tar, $"part{i}", [0]);
                    break;
                case "no onnx" or "no metadata":
                    break;
                default:
                    Add(tar, what, [0]);
                    break;
            }
        });
        Assert.Contains(reason, Assert.Throws<ModelArchiveException>(() => ModelArchive.Read(archive)).Message);
    }

    [Fact]
    public void A_damaged_archive_is_refused()
    {
        byte[] archive = Archive(tar => Add(tar, "model.onnx", new byte[5000]));
        Assert.Throws<ModelArchiveException>(() => ModelArchive.Read(archive[..(archive.Length / 2)]));
        Assert.Throws<ModelArchiveException>(() => ModelArchive.Read(Encoding.UTF8.GetBytes("no archive at all")));
        Assert.Throws<ModelArchiveException>(() => ModelArchive.Read([]));
        Assert.Throws<ModelArchiveException>(() => ReturnsModel.Load([1, 2, 3]));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"feature_dim": 256, "target_cols": []}""")]
    [InlineData("""{"feature_dim": 512, "target_cols": ["pnl"]}""")]
    public void Metadata_of_another_model_is_refused(string metadata) =>
        Assert.Throws<ModelArchiveException>(() =>
            ModelArchive.Read(
                Archive(tar =>
                {
                    Add(tar, "model.onnx", [1]);
                    Add(tar, "metadata.json", Encoding.UTF8.GetBytes(metadata));
                })
            )
        );

    [TorchFact]
    public async Task A_pickle_in_the_archive_is_never_looked_at()
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        byte[] archive = Archive(tar =>
        {
            Add(tar, "model.pth", Encoding.ASCII.GetBytes("cos\nsystem\n(S'false'\ntR."));
            foreach (string name in (string[])["model.onnx", "metadata.json"])
                Add(tar, name, File.ReadAllBytes(Path.Combine(sample.Folder, "model", name)));
        });
        using ReturnsModel model = ReturnsModel.Load(ModelArchive.Read(archive).Onnx);
        Assert.Equal(6, model.Predict(sample.Rows[0].Features).Length);
    }

    [TorchFact]
    public async Task A_network_with_other_layers_or_weights_elsewhere_is_refused()
    {
        byte[] onnx = (await ReturnsSample.ModelAsync()).Onnx;
        byte[] odd = [.. onnx];
        int relu = odd.AsSpan().IndexOf("Relu"u8);
        "Loop"u8.CopyTo(odd.AsSpan(relu));
        Assert.Contains("'Loop'", Assert.Throws<ModelArchiveException>(() => ReturnsModel.Load(odd)).Message);

        // A graph (field 7) whose one initializer (field 5) keeps its data in another file (field 13).
        Assert.Contains("other files", Assert.Throws<ModelArchiveException>(() => ReturnsModel.Load([0x3A, 4, 0x2A, 2, 0x6A, 0])).Message);
        Assert.Throws<ModelArchiveException>(() => ReturnsModel.Load(onnx[..(onnx.Length - 100)]));
    }

    [TorchFact]
    public async Task Candidate_current_and_baselines_are_measured_on_the_same_rows()
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        using ReturnsModel model = ReturnsModel.Load(sample.Onnx);
        double Reported(string name) => sample.Metrics.GetProperty(name).GetDouble();
        Judgement judgement = Judge.Measure(sample.Parquet, model, Reported("test_mse"), model);

        // The script measured the same in Python.
        Assert.Equal(80, judgement.TestRows);
        Assert.Equal(Reported("test_mse"), judgement.Candidate, 1e-7);
        Assert.Equal(Reported("baseline_mean_mse"), judgement.Mean, 1e-9);
        Assert.Equal(Reported("baseline_zero_mse"), judgement.Zero, 1e-9);
        Assert.Equal(Reported("baseline_last_mse"), judgement.Last, 1e-9);
        Assert.Equal(judgement.Candidate, judgement.Current);
        Assert.Equal(5, judgement.VaryingTargets);
        Assert.All(judgement.Gates("v", 0.02), gate => Assert.True(gate.Passed, gate.ToString()));
    }

    [Theory]
    [InlineData(0.5, 1.0, 1.0, 5, "")]
    [InlineData(0.5, null, 1.0, 5, "")]
    [InlineData(0.51, 0.5, 1.0, 5, "")] // within 2 per cent
    [InlineData(0.52, 0.5, 1.0, 5, "test_mse_over_current_model")]
    [InlineData(1.0, null, 1.0, 5, "test_mse_over_mean_baseline")] // as good as the mean is not better
    [InlineData(1.2, 2.0, 1.0, 5, "test_mse_over_mean_baseline")]
    [InlineData(
        double.NaN,
        null,
        1.0,
        5,
        "test_mse_over_mean_baseline,test_mse_over_zero_baseline,test_mse_over_last_value_baseline,test_mse_over_reported"
    )]
    [InlineData(
        double.PositiveInfinity,
        null,
        1.0,
        5,
        "test_mse_over_mean_baseline,test_mse_over_zero_baseline,test_mse_over_last_value_baseline,test_mse_over_reported"
    )]
    [InlineData(0.0, null, 0.0, 0, "varying_targets,test_mse_over_mean_baseline,test_mse_over_reported")] // every target is a constant: nothing to learn
    public void A_candidate_passes_only_when_it_is_good_enough(double candidate, double? current, double mean, int varying, string failed)
    {
        Judgement judgement = new(candidate, current, mean, Zero: 2, Last: 3, Reported: candidate, varying, TestRows: 10);
        Assert.Equal(failed, string.Join(',', judgement.Gates("v", 0.02).Where(gate => !gate.Passed).Select(gate => gate.Name)));
    }

    [Fact]
    public void An_exported_network_that_is_not_the_measured_one_is_refused()
    {
        Judgement judgement = new(0.5, null, 1, 2, 3, Reported: 0.4, 5, 10);
        Assert.Equal("test_mse_over_reported", Assert.Single(judgement.Gates("v", 0.02), gate => !gate.Passed).Name);
        DataGate missing = Assert.Single((judgement with { Reported = null }).Gates("v", 0.02), gate => !gate.Passed);
        Assert.True(double.IsNaN(missing.Measured));
    }

    internal static byte[] Archive(Action<TarWriter> write)
    {
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (TarWriter tar = new(gzip))
            write(tar);
        return bytes.ToArray();
    }

    internal static void Add(TarWriter tar, string name, byte[] content) =>
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
}
