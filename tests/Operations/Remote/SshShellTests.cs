using System.Diagnostics;
using System.Text;
using Durable.Operations.Remote;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Operations.Remote;

/// <summary>The shell against a real sshd.</summary>
public sealed class SshShellTests
{
    [SshServerFact]
    public async Task A_job_runs_over_ssh_and_its_arguments_arrive_byte_for_byte()
    {
        await using SshServer server = await SshServer.StartAsync();
        IRemoteHost host = server.Host();

        await host.StartAsync(
            server.Target,
            RemoteCommand.Script("args", """printf '%s\0' "$@" >"$HOME/seen"; exit 255""", RemoteJobTests.Nasty, TimeSpan.FromMinutes(1))
        );
        RemoteJobState state = await EndAsync(host, server.Target, "args");

        Assert.Equal((RemoteJobPhase.Exited, 255), (state.Phase, state.ExitCode)); // the job's 255, not ssh's
        Assert.Equal(
            RemoteJobTests.Nasty.SelectMany(text => (byte[])[.. Encoding.UTF8.GetBytes(text), 0]),
            await File.ReadAllBytesAsync(Path.Combine(server.Home, "seen"))
        );
    }

    [SshServerFact]
    public async Task A_job_outlives_its_connection_and_is_killed_over_another()
    {
        await using SshServer server = await SshServer.StartAsync();
        IRemoteHost host = server.Host();

        Assert.Equal(
            RemoteJobPhase.Running,
            (await host.StartAsync(server.Target, RemoteCommand.Script("long", "sleep 100", [], TimeSpan.FromMinutes(5)))).Phase
        );
        Assert.Equal(RemoteJobPhase.Running, (await host.PollAsync(server.Target, "long")).Phase);

        Assert.Equal(
            (RemoteJobPhase.Exited, 143),
            ((await host.KillAsync(server.Target, "long")) is var killed ? (killed.Phase, killed.ExitCode) : default)
        );
    }

    [SshServerFact]
    public async Task A_host_with_another_key_gets_no_script()
    {
        await using SshServer server = await SshServer.StartAsync();
        string wrong = Path.Combine(server.Home, "wrong hosts"); // a blank in its name is no trouble
        await File.WriteAllTextAsync(wrong, "i-0ssh " + await File.ReadAllTextAsync(Path.Combine(server.Home, "user.pub")));
        string none = Path.Combine(server.Home, "none");
        await File.WriteAllTextAsync(none, "");

        foreach (string known in new[] { wrong, none })
        {
            RemoteHostUnreachableException refused = await Assert.ThrowsAsync<RemoteHostUnreachableException>(() =>
                server
                    .Host(known)
                    .StartAsync(server.Target, RemoteCommand.Script("x", """touch "$HOME/began" """, [], TimeSpan.FromMinutes(1)))
            );
            Assert.Contains("host key", refused.Message, StringComparison.OrdinalIgnoreCase);
        }

        Assert.False(File.Exists(Path.Combine(server.Home, "began")));
    }

    [SshServerFact]
    public async Task A_machine_that_is_away_is_unreachable()
    {
        SshServer server = await SshServer.StartAsync();
        RemoteOptions options = server.Options();
        await server.DisposeAsync();

        await Assert.ThrowsAsync<RemoteHostUnreachableException>(() =>
            new RemoteHost(new SshShell(options), options).PollAsync(server.Target, "x", default)
        );
    }

    [Theory]
    [InlineData("-oProxyCommand=touch /tmp/pwned")]
    [InlineData("a b")]
    [InlineData("host;x")]
    [InlineData("user@host")]
    [InlineData("")]
    [InlineData(null)]
    public async Task An_invalid_address_is_refused(string? address)
    {
        SshShell shell = new(new RemoteOptions { SshKeyFile = "k", SshKnownHostsFile = "h" });

        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() =>
            shell.RunAsync(new RemoteTarget("i-1", address), "true", default)
        );
        Assert.Contains("not an address of i-1", refused.Message, StringComparison.Ordinal);
    }

    [SshServerFact]
    public async Task A_call_that_takes_too_long_ends_and_so_does_its_connection()
    {
        await using SshServer server = await SshServer.StartAsync();
        SshShell shell = new(server.Options());
        using CancellationTokenSource cancel = new();
        string began = Path.Combine(server.Home, "began");
        Task<string> call = shell.RunAsync(server.Target, $"touch {began}; sleep 1000", cancel.Token);
        await Eventually.HoldsAsync(() => File.Exists(began));

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Contains("alive", await shell.RunAsync(server.Target, "echo alive", default), StringComparison.Ordinal);
    }

    [SshServerFact]
    public async Task Of_a_server_with_two_keys_the_known_one_is_asked_for()
    {
        await using SshServer server = await SshServer.StartAsync(moreKeys: ["rsa", "ecdsa"]);
        foreach (string kind in (string[])["rsa", "ecdsa"])
        {
            string known = Path.Combine(server.Home, "known " + kind);
            await File.WriteAllTextAsync(
                known,
                "# machines\ni-other ssh-ed25519 AAAA\ni-9,i-0ssh " + await File.ReadAllTextAsync(Path.Combine(server.Home, kind + ".pub"))
            );
            Assert.Contains(
                "alive",
                await new SshShell(server.Options(known)).RunAsync(server.Target, "echo alive; exit 7", default),
                StringComparison.Ordinal
            );
        }
    }

    [SshServerFact]
    public async Task A_key_that_cannot_be_read_or_that_the_machine_does_not_know_is_said()
    {
        await using SshServer server = await SshServer.StartAsync();
        RemoteOptions good = server.Options();
        foreach (string key in (string[])["none", "host"]) // the host's own key is nobody's login
        {
            RemoteOptions options = new()
            {
                Transport = "ssh",
                SshUser = good.SshUser,
                SshPort = good.SshPort,
                SshKeyFile = Path.Combine(server.Home, key),
                SshKnownHostsFile = good.SshKnownHostsFile,
            };
            RemoteHostUnreachableException error = await Assert.ThrowsAsync<RemoteHostUnreachableException>(() =>
                new SshShell(options).RunAsync(server.Target, "true", default)
            );
            Assert.Contains(key == "none" ? "Could not find file" : "publickey", error.Message, StringComparison.Ordinal);
        }
    }

    private static async Task<RemoteJobState> EndAsync(IRemoteHost host, RemoteTarget target, string id)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(50))
        {
            RemoteJobState state = await host.PollAsync(target, id);
            if (state.Phase != RemoteJobPhase.Running)
                return state;
        }

        throw new TimeoutException($"{id} does not end.");
    }
}
