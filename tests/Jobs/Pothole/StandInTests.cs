using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class StandInTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("durable-spark-").FullName;
    private readonly int port = FreePort();

    private string Home => Path.Combine(folder, "home");

    private Dictionary<string, string> Here =>
        new()
        {
            ["SPARK_HOME"] = Home,
            ["SPARK_MASTER_WEBUI_PORT"] = $"{port}",
            ["SPARK_LOCAL_DIRS"] = folder,
        };

    public void Dispose()
    {
        if (Directory.Exists(Path.Combine(Home, "sbin")))
            SparkStandIn.RunAsync(Path.Combine(Home, "sbin", "stop-all.sh"), [], Here).GetAwaiter().GetResult();
        Directory.Delete(folder, recursive: true);
    }

    [SparkFact]
    public async Task The_stages_SQL_is_in_Spark_s_grammar()
    {
        Ran ran = await SparkStandIn.RunAsync(
            "node",
            [
                Path.Combine(SparkStandIn.Home, "grammar", "check.mjs"),
                .. Directory.GetFiles(SparkStandIn.Jobs, "*.sql", SearchOption.AllDirectories),
            ]
        );

        Assert.Equal((0, "15 views"), (ran.ExitCode, ran.Output.Trim()));
    }

    [SparkTheory]
    [InlineData("--bogus", "Unrecognized option: --bogus")]
    [InlineData("--conf", "Missing argument for option '--conf'")]
    [InlineData("--deploy-mode=cluster", "Cluster deploy mode is currently not supported")]
    [InlineData("--master=yarn2", "Master must")]
    [InlineData("--py-files=/nowhere.py", "File /nowhere.py does not exist")]
    public async Task An_option_that_Spark_refuses_is_refused(string option, string reason)
    {
        Ran ran = await SparkStandIn.RunAsync(
            Path.Combine(SparkStandIn.Home, "bin", "spark-submit"),
            option == "--conf" ? [option] : [option, Program("")]
        );

        Assert.Equal(1, ran.ExitCode);
        Assert.Contains(reason, ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task A_driver_ends_with_the_exit_code_of_its_program_and_gives_it_its_arguments()
    {
        string program = Program("import sys, other; print(sys.argv[1:], other.NAME); sys.exit(7)");
        string other = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "elsewhere")).FullName, "other.py");
        await File.WriteAllTextAsync(other, "NAME = 'from --py-files'");

        Ran ran = await SparkStandIn.RunAsync(
            Path.Combine(SparkStandIn.Home, "bin", "spark-submit"),
            ["--conf", "spark.a=b=c", "--executor-memory=4g", "--py-files", other, program, "--batch-date", "a b"]
        );

        Assert.Equal((7, "['--batch-date', 'a b'] from --py-files\n"), (ran.ExitCode, ran.Output));
    }

    [SparkFact]
    public async Task A_driver_gives_up_without_a_master()
    {
        await InstallAsync();

        Ran ran = await SubmitAsync(Program("raise SystemExit(9)"));

        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("All masters are unresponsive", ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task A_driver_waits_for_workers_and_runs_when_they_are_there()
    {
        await InstallAsync("");
        await CallAsync("start-all.sh");
        Assert.Equal(0, (await MasterAsync()).GetProperty("aliveworkers").GetInt32());
        Task<Ran> driver = SubmitAsync(Program("import time\nprint(time.time_ns() // 1_000_000)"));

        await Eventually.HoldsAsync(async () => (await MasterAsync()).GetProperty("activeapps").GetArrayLength() == 1);
        long before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await File.WriteAllTextAsync(Path.Combine(Home, "conf", "workers"), "localhost # this machine\n");
        Ran started = await CallAsync("start-all.sh");

        Assert.Contains("running as process", started.Output, StringComparison.Ordinal);
        Ran ran = await driver;
        Assert.Equal(0, ran.ExitCode);
        Assert.True(
            long.Parse(ran.Output, CultureInfo.InvariantCulture) >= before,
            $"It ran at {ran.Output}, before {before}, without workers."
        );
        JsonElement master = await MasterAsync();
        Assert.Equal(
            (1, "ALIVE"),
            (master.GetProperty("aliveworkers").GetInt32(), master.GetProperty("workers")[0].GetProperty("state").GetString())
        );
        Assert.Equal(0, master.GetProperty("activeapps").GetArrayLength());
    }

    [SparkFact]
    public async Task Stop_all_ends_the_master_and_may_be_called_again()
    {
        await InstallAsync("localhost");
        await CallAsync("start-all.sh");

        Ran first = await CallAsync("stop-all.sh"),
            second = await CallAsync("stop-all.sh");

        await Assert.ThrowsAnyAsync<HttpRequestException>(MasterAsync);
        Assert.Contains("stopping org.apache.spark.deploy.master.Master", first.Output, StringComparison.Ordinal);
        Assert.Contains("no org.apache.spark.deploy.master.Master to stop", second.Output, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task Termination_ends_a_driver_in_the_middle_of_a_query_and_leaves_no_process_and_no_scratch()
    {
        string program = Program(
            """
            from pyspark.sql import SparkSession
            spark = SparkSession.builder.getOrCreate()
            print("asks", flush=True)
            spark.sql("SELECT sum(a.range * b.range) FROM range(1000000000) AS a, range(1000) AS b").collect()
            """
        );
        using Process driver = SparkStandIn.Start(Path.Combine(SparkStandIn.Home, "bin", "spark-submit"), [program], Here);
        Assert.Equal("asks", await driver.StandardOutput.ReadLineAsync());

        await SparkStandIn.RunAsync("kill", ["-TERM", $"{driver.Id}"]);
        await driver.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);

        Assert.Equal(143, driver.ExitCode);
        Assert.Empty(Directory.GetDirectories(folder, "spark-*"));
        Assert.DoesNotContain(Directory.GetDirectories("/proc"), process => CommandOf(process).Contains(folder, StringComparison.Ordinal));
    }

    [SparkFact]
    public async Task A_test_may_delay_and_fail_a_program_by_name()
    {
        await InstallAsync("localhost");
        await CallAsync("start-all.sh");
        await File.WriteAllTextAsync(Path.Combine(Home, "conf", "stand-in.json"), """[{"match": "program", "exitCode": 5}]""");

        Ran ran = await SubmitAsync(Program("print('never')"));

        Assert.Equal((5, ""), (ran.ExitCode, ran.Output));
    }

    private string Program(string text)
    {
        string file = Path.Combine(folder, "program.py");
        File.WriteAllText(file, text);
        return file;
    }

    private async Task InstallAsync(string? workers = null)
    {
        Ran ran = await SparkStandIn.RunAsync(Path.Combine(SparkStandIn.Home, "install.sh"), [Home]);
        Assert.True(ran.ExitCode == 0, ran.Error);
        if (workers is not null)
            await File.WriteAllTextAsync(Path.Combine(Home, "conf", "workers"), workers + "\n");
    }

    private Task<Ran> SubmitAsync(string program) =>
        SparkStandIn.RunAsync(Path.Combine(Home, "bin", "spark-submit"), ["--master", "spark://10.0.0.1:7077", program], Here);

    private async Task<Ran> CallAsync(string script)
    {
        Ran ran = await SparkStandIn.RunAsync(Path.Combine(Home, "sbin", script), [], Here);
        Assert.True(ran.ExitCode == 0, ran.Error);
        return ran;
    }

    private async Task<JsonElement> MasterAsync()
    {
        using HttpClient client = new();
        return JsonDocument.Parse(await client.GetStringAsync($"http://127.0.0.1:{port}/json/")).RootElement;
    }

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
