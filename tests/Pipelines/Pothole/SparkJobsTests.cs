using System.Text;
using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Durable.Pipelines.Pothole;
using Durable.Tests.Fixtures;
using Durable.Tests.Operations.Remote;

namespace Durable.Tests.Pipelines.Pothole;

/// <summary>The cluster's scripts in a real shell, with a spark-submit that only records its arguments.</summary>
public sealed class SparkJobsTests : IAsyncLifetime
{
    private readonly LocalShell shell = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await shell.DisposeAsync();

    [Fact]
    public async Task Values_full_of_shell_path_and_JSON_tricks_reach_spark_submit_as_plain_words()
    {
        StageWork stage = Stage(RemoteJobTests.Nasty);
        string[] seen = await SubmitAsync(Work("2026-02-12'; touch pwned; '"), stage);

        int script = Array.FindIndex(seen, word => word.EndsWith("/durable-code/abc/stage1/main.py", StringComparison.Ordinal));
        Assert.Equal(
            ["--batch-date", "2026-02-12'; touch pwned; '", "--input", stage.InputUri, .. RemoteJobTests.Nasty],
            seen[(script + 1)..^2]
        );
        Assert.Equal(["--output", "s3a://b/runs/dt=2026-02-12/pothole-2026-02-12.20260213T010000000Z.stage1/"], seen[^2..]);
        Assert.Empty(Directory.GetFiles(shell.Home, "pwned", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Options_of_spark_submit_stand_before_the_script_and_the_stage_s_own_behind_it()
    {
        string[] seen = await SubmitAsync(Work("2026-02-12"), Stage(["--roads", "s3a://b/roads.csv"]));

        Assert.Equal(
            [
                "--master",
                "spark://10.0.0.1:7077",
                "--deploy-mode",
                "client",
                "--executor-memory",
                "2g",
                "--executor-cores",
                "2",
                "--total-executor-cores",
                "8",
            ],
            seen[..10]
        );
        int script = Array.FindIndex(seen, word => word.EndsWith("/stage1/main.py", StringComparison.Ordinal));
        Assert.All(seen[10..script].Chunk(2), pair => Assert.Equal("--conf", pair[0]));
        Assert.Contains("spark.hadoop.fs.s3a.endpoint=s3.ap-northeast-2.amazonaws.com", seen[10..script]);
        Assert.Equal(
            ["--batch-date", "2026-02-12", "--input", "s3a://b/raw/dt=2026-02-12/", "--roads", "s3a://b/roads.csv"],
            seen[(script + 1)..^2]
        );
    }

    [Fact]
    public void Another_run_of_the_same_day_has_other_jobs_so_no_two_drivers_share_a_path()
    {
        StageWork stage = Stage([]);
        Machine master = new("i-1", "running", "t3.medium", "10.0.0.1");
        PotholeWork first = Work("2026-02-12"),
            second = first with { RunId = "pothole-2026-02-12/20260214T010000000Z" };

        Assert.NotEqual(SparkJobs.Submit(first, stage, master).JobId, SparkJobs.Submit(second, stage, master).JobId);
        Assert.Equal(SparkJobs.Submit(first, stage, master).JobId, SparkJobs.Submit(first, stage, master).JobId); // a repeated activity finds the first
    }

    private async Task<string[]> SubmitAsync(PotholeWork work, StageWork stage)
    {
        string spark = Path.Combine(shell.Home, "spark", "bin");
        Directory.CreateDirectory(spark);
        string program = Path.Combine(spark, "spark-submit"),
            told = Path.Combine(shell.Home, "told");
        await File.WriteAllTextAsync(program, "#!/bin/sh\nprintf '%s\\0' \"$@\" >\"$HOME/told\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        IRemoteHost host = new RemoteHost(shell, new RemoteOptions());
        RemoteTarget target = new("i-1");
        RemoteCommand command = SparkJobs.Submit(work, stage, new Machine("i-1", "running", "t3.medium", "10.0.0.1"));
        command = command with
        {
            Environment = new Dictionary<string, string>(command.Environment ?? new Dictionary<string, string>())
            {
                ["SPARK_HOME"] = Path.Combine(shell.Home, "spark"),
            },
        };
        RemoteJobState state = await host.StartAsync(target, command);
        await Eventually.HoldsAsync(async () => (state = await host.PollAsync(target, command.JobId)).Phase != RemoteJobPhase.Running);
        Assert.Equal((RemoteJobPhase.Exited, 0), (state.Phase, state.ExitCode));
        return (await File.ReadAllTextAsync(told, new UTF8Encoding(false, true))).Split('\0')[..^1];
    }

    private static StageWork Stage(IReadOnlyList<string> arguments) =>
        new(
            "stage1",
            "stage1/main.py",
            "s3a://b/raw/dt=2026-02-12/",
            "runs/dt=2026-02-12/",
            "s3a://b/runs/dt=2026-02-12/",
            arguments,
            TimeSpan.FromMinutes(1),
            "f"
        );

    private static PotholeWork Work(string date) =>
        new(
            date,
            "pothole-2026-02-12/20260213T010000000Z",
            1,
            1,
            "s3://b/raw/",
            [],
            [],
            "s3://b/code/abc/",
            "abc",
            "f",
            new ClusterRequest("ec2", "pothole", "r", ["i-1"], TimeSpan.FromHours(1)),
            new SparkSettings("ap-northeast-2", "2g", 2, 8, [])
        );
}
