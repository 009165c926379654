using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Scripts;

/// <summary>A miniature clone: the scripts and the build output in a separate folder, so that no real .local is touched.</summary>
public sealed class RunFolder : IAsyncLifetime
{
    public string Path { get; } = Directory.CreateTempSubdirectory("durable-run-").FullName;

    public string Connection { get; private set; } = "";

    internal Task<Ran> RunAsync(string words, params IEnumerable<(string Name, string Value)> environment) =>
        Terminal.BashAsync($"./run {words}", Path, Environment(environment));

    internal Process Start(string words, params IEnumerable<(string Name, string Value)> environment) =>
        Terminal.Start($"exec ./run {words}", Path, Environment(environment));

    public async Task InitializeAsync()
    {
        Connection = await PostgresServer.CreateDatabaseAsync();
        string root = Terminal.Root,
            built = AppContext.BaseDirectory.TrimEnd('/');
        Ran ran = await Terminal.BashAsync(
            $"""
            set -e
            chmod 755 . # user postgres may look in, as in a clone
            cp -r '{root}/run' '{root}/scripts' '{root}/global.json' '{root}/host.json' .
            mkdir -p bin/Release Cli/bin/Release .local/logs
            ln -s '{built}' bin/Release/net10.0
            ln -s '{built}' Cli/bin/Release/net10.0
            ln -s '{root}/Sandbox' Sandbox
            . scripts/common.sh; . scripts/build.sh
            build_fingerprint >.local/build.stamp
            """,
            Path
        );
        Assert.Equal((0, string.Empty), (ran.ExitCode, ran.Error));
    }

    public async Task DisposeAsync()
    {
        await RunAsync("stop");
        Directory.Delete(Path, recursive: true);
    }

    internal static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private Dictionary<string, string> Environment(IEnumerable<(string Name, string Value)> more)
    {
        Dictionary<string, string> environment = new() { ["PostgresConnection"] = Connection };
        foreach ((string name, string value) in more)
            environment[name] = value;
        return environment;
    }
}

/// <summary><c>./run</c> as a user types it.</summary>
public sealed class RunTests(RunFolder folder) : IClassFixture<RunFolder>
{
    [Fact]
    public async Task The_app_is_served_found_and_stopped_from_another_terminal()
    {
        int port = RunFolder.FreePort();
        using Process first = folder.Start("serve", ("FUNCTIONS_PORT", $"{port}"));
        Task<string> error = first.StandardError.ReadToEndAsync();
        string? line;
        do line = await first.StandardOutput.ReadLineAsync();
        while (line is not null && !line.StartsWith("The app is up", StringComparison.Ordinal));
        Assert.NotNull(line);

        Ran status = await folder.RunAsync("status --json");
        JsonNode app = JsonNode.Parse(status.Output)!["app"]!;
        Assert.Equal($"http://127.0.0.1:{port}", (string)app["url"]!);
        Ran second = await folder.RunAsync("serve");
        Assert.Equal(
            (1, $"Another ./run is up here: http://127.0.0.1:{port}. ./run stop ends it."),
            (second.ExitCode, second.Error.Trim())
        );
        Ran cli = await folder.RunAsync("cli instances list");
        Assert.Equal(0, cli.ExitCode);

        Ran stop = await folder.RunAsync("stop");
        await first.WaitForExitAsync();
        Assert.Equal((0, 0), (stop.ExitCode, first.ExitCode));
        Assert.Contains("Stopped by ./run stop.", await error, StringComparison.Ordinal);
        Ran again = await folder.RunAsync("stop");
        Assert.Equal((0, "Nothing is running."), (again.ExitCode, again.Error.Trim()));
        Assert.Equal(1, (await folder.RunAsync("status")).ExitCode);
    }

    [Fact]
    public async Task A_sandbox_is_in_the_status_and_stopping_it_is_no_crash()
    {
        int port = RunFolder.FreePort();
        using Process sandbox = folder.Start($"sandbox --port {port}");
        Task<string> error = sandbox.StandardError.ReadToEndAsync();
        string? line = await sandbox.StandardOutput.ReadLineAsync();
        Assert.Equal($"An AWS of our own answers on http://127.0.0.1:{port}. Ctrl-C ends it and all that runs on its machines.", line);

        Assert.Matches($@"sandbox     running, pid \d+, http://127\.0\.0\.1:{port}\n", (await folder.RunAsync("status")).Output);
        JsonNode status = JsonNode.Parse((await folder.RunAsync("status --json")).Output)!["sandbox"]!;
        Assert.Equal((true, $"http://127.0.0.1:{port}"), ((bool)status["running"]!, (string)status["url"]!));
        Ran second = await folder.RunAsync("sandbox");
        Assert.Equal(
            (1, $"A sandbox is up here already, at http://127.0.0.1:{port}. ./run stop ends it."),
            (second.ExitCode, second.Error.Trim())
        );

        Ran stop = await folder.RunAsync("stop");
        await sandbox.WaitForExitAsync();
        Assert.Equal((0, 0), (stop.ExitCode, sandbox.ExitCode));
        Assert.Contains("Stopping the sandbox ...", stop.Error, StringComparison.Ordinal);
        Assert.Equal("Stopped by ./run stop.", (await error).Trim());
        Assert.DoesNotContain("sandbox", (await folder.RunAsync("status")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Durable__MaxDeliveries", "abc", "Setting Durable__MaxDeliveries is 'abc'; allowed: a whole number.")]
    [InlineData("Pothole__Bucket", "x", "Pothole__Bucket is 'x'; allowed: a bucket name")]
    [InlineData("PostgresConnection", "foo", "Setting PostgresConnection is not a valid connection string")]
    [InlineData(
        "PostgresConnection",
        "Host=127.0.0.1;Port=1;Username=a;Database=b",
        "PostgreSQL does not answer at 127.0.0.1:1, where PostgresConnection points."
    )]
    [InlineData("FUNCTIONS_PORT", "http", "FUNCTIONS_PORT is 'http', not a whole number.")]
    public async Task A_setting_that_does_not_fit_is_one_sentence(string setting, string value, string sentence)
    {
        Ran ran = await folder.RunAsync($"serve --port {RunFolder.FreePort()}", (setting, value));

        Assert.NotEqual(0, ran.ExitCode);
        Assert.Contains(sentence, ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", ran.Error, StringComparison.Ordinal);
        Assert.InRange(ran.Error.Trim().Split('\n').Length, 1, 5);
    }

    [Theory]
    [InlineData("serve --help", "Usage: ./run serve")]
    [InlineData("sandbox --help", "Usage: ./run sandbox")]
    [InlineData("reset -h", "Usage: ./run reset")]
    [InlineData("logs -h", "Usage: ./run logs")]
    [InlineData("status --help", "Usage: ./run status")]
    [InlineData("pothole --help", "Usage: ./run pothole")]
    [InlineData("--help", "Usage: ./run [climate]")]
    [InlineData("cli --help", "Starts, watches and controls")]
    [InlineData("--version", "durable ")]
    public async Task Each_command_explains_itself(string words, string beginning)
    {
        Ran ran = await folder.RunAsync(words);

        Assert.Equal(0, ran.ExitCode);
        Assert.Contains(beginning, ran.Output, StringComparison.Ordinal);
        Assert.All(ran.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 160));
    }

    [Theory]
    [InlineData("serve --port=0", "--port is 0; it must be from 1 to 65535.")]
    [InlineData("--cells=many", "--cells is 'many', not a whole number.")]
    [InlineData("--start-year 1.5", "--start-year is '1.5', not a whole number.")]
    [InlineData("stop now", "Unknown option: now")]
    [InlineData("logs kitchen", "There is no log 'kitchen'")]
    [InlineData("returns --rows 5 --port 0", "--port is 0; it must be from 1 to 65535.")]
    [InlineData("benchmark --epochs 2 --port 0", "--port is 0; it must be from 1 to 65535.")]
    [InlineData("pothole --date tomorrow", "--date is 'tomorrow', not a day as YYYY-MM-DD.")]
    public async Task A_bad_value_is_named_with_what_is_allowed(string words, string message)
    {
        Ran ran = await folder.RunAsync(words);

        Assert.Equal(2, ran.ExitCode);
        Assert.StartsWith(message, ran.Error, StringComparison.Ordinal);
    }
}
