using System.Diagnostics;
using System.Text;
using Durable.Operations.Remote;
using Durable.Tests.Fixtures;
using FsCheck.Fluent;

namespace Durable.Tests.Operations.Remote;

/// <summary>The job scripts on this machine: what they do does not depend on what carries them.</summary>
public sealed class RemoteJobTests : IAsyncLifetime
{
    private static readonly RemoteTarget Target = new("i-1");

    private readonly LocalShell shell = new();
    private readonly RemoteHost host;

    public RemoteJobTests() => host = new RemoteHost(shell, new RemoteOptions());

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await shell.DisposeAsync();

    public static IReadOnlyList<string> Nasty =>
        [
            "",
            " ",
            "'",
            "''",
            "\"",
            "\\",
            "\\'",
            "$(touch pwned)",
            "`touch pwned`",
            "; touch pwned",
            "&& touch pwned",
            "| touch pwned",
            "$HOME",
            "${HOME}",
            "~",
            "*",
            "?",
            "[a]",
            "{a,b}",
            "!!",
            "#x",
            "a\nb",
            "\n",
            "a\r\nb",
            "\t",
            "-rf",
            "--",
            "{\"json\": [1, \"two\", null]}",
            "{{ssm:secret}}",
            "{{ global:DATE }}",
            "%s%n",
            "서울 2026-02-12",
            "🚧",
            "e\u0301",
            "\u202e",
            "\u0001\u001b[31m",
            "\ufeff",
            "@durable-job Exited 0 -",
            "' ; touch pwned ; '",
            "'\"'\"'",
            "$'\\x41'",
            new string('x', 5000),
        ];

    [Fact]
    public async Task Every_argument_arrives_byte_for_byte()
    {
        string[] random =
        [
            .. ArbMap
                .Default.ArbFor<string>()
                .Generator.Sample(300)
                .Select(text => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes((text ?? "").Replace("\0", "0", StringComparison.Ordinal)))),
        ];
        string[] sent = [.. Nasty, .. random];
        Assert.Equal(300, random.Length);

        await host.StartAsync(
            Target,
            RemoteCommand.Script("args", """printf '%s\0' "$@" >"$HOME/seen" """, sent, TimeSpan.FromMinutes(1)),
            default
        );
        RemoteJobState state = await EndAsync("args");

        Assert.Equal((0, ""), (state.ExitCode, state.OutputTail));
        byte[] seen = await File.ReadAllBytesAsync(Path.Combine(shell.Home, "seen"));
        Assert.Equal(sent.SelectMany(text => (byte[])[.. Encoding.UTF8.GetBytes(text), 0]), seen);
        Assert.False(File.Exists(Path.Combine(shell.Home, "pwned")));
    }

    [Fact]
    public async Task Every_variable_arrives_byte_for_byte()
    {
        string value = string.Concat(Nasty.Where(text => text.Length < 100));

        await host.StartAsync(
            Target,
            RemoteCommand.Script(
                "env",
                """printf %s "$ODD" >"$HOME/seen" """,
                [],
                TimeSpan.FromMinutes(1),
                new Dictionary<string, string> { ["ODD"] = value }
            ),
            default
        );
        await EndAsync("env");

        Assert.Equal(value, await File.ReadAllTextAsync(Path.Combine(shell.Home, "seen"), new UTF8Encoding(false, true)));
    }

    [Fact]
    public async Task What_no_argument_can_hold_is_refused()
    {
        foreach (string argument in new[] { "a\0b", "\ud800", "\udc00x" }) // NUL, and halves of a surrogate pair
            await Assert.ThrowsAsync<ArgumentException>(() =>
                host.StartAsync(Target, new RemoteCommand("x", ["echo", argument], null, TimeSpan.FromMinutes(1)), default)
            );
        Assert.False(Directory.Exists(Path.Combine(shell.Home, ".durable")));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a b")]
    [InlineData("a'b")]
    [InlineData("a\nb")]
    [InlineData("a\n")]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("$(x)")]
    public async Task An_invalid_id_is_refused(string id)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => host.PollAsync(Target, id, default));
        await Assert.ThrowsAsync<ArgumentException>(() => host.KillAsync(Target, id, default));
        await Assert.ThrowsAsync<ArgumentException>(() =>
            host.StartAsync(Target, new RemoteCommand(id, ["true"], null, TimeSpan.FromMinutes(1)), default)
        );
    }

    [Fact]
    public async Task Too_much_a_bad_variable_and_a_bad_time_are_refused()
    {
        await RefusedAsync(new RemoteCommand("x", ["echo", new string('x', 49_152)], null, TimeSpan.FromMinutes(1)));
        await RefusedAsync(new RemoteCommand("x", [], null, TimeSpan.FromMinutes(1)));
        await RefusedAsync(new RemoteCommand("x", ["true"], new Dictionary<string, string> { ["A;B"] = "" }, TimeSpan.FromMinutes(1)));
        await RefusedAsync(new RemoteCommand("x", ["true"], null, TimeSpan.Zero));
        await Assert.ThrowsAsync<ArgumentException>(() => host.PollAsync(new RemoteTarget("i-1;x"), "x", default));

        Task RefusedAsync(RemoteCommand command) => Assert.ThrowsAsync<ArgumentException>(() => host.StartAsync(Target, command, default));
    }

    [Fact]
    public async Task A_job_outlives_the_call_and_reports_its_exit_code_and_the_end_of_its_output()
    {
        RemoteJobState started = await StartAsync(
            "long",
            """echo begun; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; echo problem password=hunter2 >&2; exit 42"""
        );
        Assert.Equal(RemoteJobPhase.Running, started.Phase);
        Assert.Equal(RemoteJobPhase.Running, (await host.PollAsync(Target, "long", default)).Phase);

        await File.WriteAllTextAsync(Path.Combine(shell.Home, "go"), "");
        RemoteJobState state = await EndAsync("long");

        Assert.Equal((RemoteJobPhase.Exited, 42, "begun\nproblem password=***\n"), (state.Phase, state.ExitCode, state.OutputTail));
    }

    [Fact]
    public async Task Only_the_end_of_a_long_output_travels()
    {
        await StartAsync("loud", "seq 1 20000; echo 끝");

        string tail = (await EndAsync("loud")).OutputTail;

        Assert.EndsWith("20000\n끝\n", tail, StringComparison.Ordinal);
        Assert.Equal(6144, Encoding.UTF8.GetByteCount(tail));
    }

    [Fact]
    public async Task An_id_starts_once_however_often_and_however_many_at_once_ask()
    {
        RemoteJobState[] states = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => StartAsync("once", """echo x >>"$HOME/runs"; sleep 0.3"""))
        );
        Assert.All(states, state => Assert.Equal(RemoteJobPhase.Running, state.Phase));
        await EndAsync("once");
        Assert.Equal(0, (await StartAsync("once", """echo x >>"$HOME/runs" """)).ExitCode);

        Assert.Equal("x\n", await File.ReadAllTextAsync(Path.Combine(shell.Home, "runs")));
    }

    [Fact]
    public async Task A_kill_ends_everything_the_job_started_and_keeps_the_id_from_starting_again()
    {
        await StartAsync(
            "tree",
            """
            (trap '' TERM; while :; do sleep 0.05; date +%s%N >"$HOME/stubborn"; done) &
            setsid sh -c 'while :; do sleep 0.05; date +%s%N >"$HOME/escaped"; done' &
            wait
            """
        );
        await Eventually.HoldsAsync(() =>
            File.Exists(Path.Combine(shell.Home, "stubborn")) && File.Exists(Path.Combine(shell.Home, "escaped"))
        );

        RemoteJobState killed = await host.KillAsync(Target, "tree", default);

        Assert.Equal(RemoteJobPhase.Exited, killed.Phase);
        Assert.Contains(killed.ExitCode!.Value, new[] { 137, 143 });
        string[] before = Beats();
        await Task.Delay(300);
        Assert.Equal(before, Beats());
        Assert.Equal(RemoteJobPhase.Exited, (await StartAsync("tree", "echo again")).Phase);

        string[] Beats() => [File.ReadAllText(Path.Combine(shell.Home, "stubborn")), File.ReadAllText(Path.Combine(shell.Home, "escaped"))];
    }

    [Fact]
    public async Task A_job_killed_before_its_start_arrives_never_begins()
    {
        Assert.Equal((RemoteJobPhase.Exited, 143), Brief(await host.KillAsync(Target, "late", default)));
        Assert.Equal((RemoteJobPhase.Exited, 143), Brief(await StartAsync("late", """touch "$HOME/began" """)));
        Assert.False(File.Exists(Path.Combine(shell.Home, "began")));
    }

    [Fact]
    public async Task A_job_whose_runner_vanished_is_lost_and_its_rest_can_be_killed()
    {
        await StartAsync("gone", """while :; do sleep 0.05; date +%s%N >"$HOME/beat"; done""");
        await Eventually.HoldsAsync(() => File.Exists(Path.Combine(shell.Home, "beat")));
        int runner = int.Parse(
            await File.ReadAllTextAsync(Path.Combine(shell.Home, ".durable/jobs/gone/pid")),
            System.Globalization.CultureInfo.InvariantCulture
        );
        Process.GetProcessById(runner).Kill();
        await Eventually.HoldsAsync(() => host.PollAsync(Target, "gone", default).GetAwaiter().GetResult().Phase == RemoteJobPhase.Lost);

        Assert.Equal(RemoteJobPhase.Lost, (await StartAsync("gone", "true")).Phase); // the first is found, not started again
        Assert.Equal((RemoteJobPhase.Exited, 137), Brief(await host.KillAsync(Target, "gone", default)));
        string beat = await File.ReadAllTextAsync(Path.Combine(shell.Home, "beat"));
        await Task.Delay(300);
        Assert.Equal(beat, await File.ReadAllTextAsync(Path.Combine(shell.Home, "beat")));
    }

    [Fact]
    public async Task The_machine_itself_ends_a_job_that_takes_too_long()
    {
        await host.StartAsync(Target, RemoteCommand.Script("slow", "sleep 60", [], TimeSpan.FromSeconds(1)), default);

        Assert.Equal(124, (await EndAsync("slow")).ExitCode);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_an_exit_code_and_an_unknown_job_is_not_found()
    {
        await host.StartAsync(Target, new RemoteCommand("none", ["/no/such/program"], null, TimeSpan.FromSeconds(5)), default);

        Assert.Equal(127, (await EndAsync("none")).ExitCode);
        Assert.Equal(RemoteJobPhase.NotFound, (await host.PollAsync(Target, "unknown", default)).Phase);
    }

    private Task<RemoteJobState> StartAsync(string id, string script) =>
        host.StartAsync(Target, RemoteCommand.Script(id, script, [], TimeSpan.FromMinutes(1)), default);

    private async Task<RemoteJobState> EndAsync(string id)
    {
        RemoteJobState state = null!;
        await Eventually.HoldsAsync(
            async () => (state = await host.PollAsync(Target, id, default)).Phase != RemoteJobPhase.Running,
            $"{id} does not end"
        );
        return state;
    }

    private static (RemoteJobPhase, int?) Brief(RemoteJobState state) => (state.Phase, state.ExitCode);
}
