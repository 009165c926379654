using System.Diagnostics;
using System.Text;
using Durable.Operations.Remote;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Operations.Remote;

/// <summary>OpenSSH against a real sshd.</summary>
public sealed class OpenSshShellTests
{
    [SshServerFact]
    public async Task A_job_runs_over_ssh_and_its_arguments_arrive_byte_for_byte()
    {
        await using SshServer server = await SshServer.StartAsync();
        IRemoteHost host = server.Host();

        await host.StartAsync(server.Target, RemoteCommand.Script("args", """printf '%s\0' "$@" >"$HOME/seen"; exit 255""", RemoteJobTests.Nasty, TimeSpan.FromMinutes(1)));
        RemoteJobState state = await EndAsync(host, server.Target, "args");

        Assert.Equal((RemoteJobPhase.Exited, 255), (state.Phase, state.ExitCode)); // the job's 255, not ssh's
        Assert.Equal(RemoteJobTests.Nasty.SelectMany(text => (byte[])[.. Encoding.UTF8.GetBytes(text), 0]), await File.ReadAllBytesAsync(Path.Combine(server.Home, "seen")));
    }

    [SshServerFact]
    public async Task A_job_outlives_its_connection_and_is_killed_over_another()
    {
        await using SshServer server = await SshServer.StartAsync();
        IRemoteHost host = server.Host();

        Assert.Equal(RemoteJobPhase.Running, (await host.StartAsync(server.Target, RemoteCommand.Script("long", "sleep 100", [], TimeSpan.FromMinutes(5)))).Phase);
        Assert.Equal(RemoteJobPhase.Running, (await host.PollAsync(server.Target, "long")).Phase);

        Assert.Equal((RemoteJobPhase.Exited, 143), ((await host.KillAsync(server.Target, "long")) is var killed ? (killed.Phase, killed.ExitCode) : default));
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
            RemoteHostUnreachableException refused = await Assert.ThrowsAsync<RemoteHostUnreachableException>(
                () => server.Host(known).StartAsync(server.Target, RemoteCommand.Script("x", """touch "$HOME/began" """, [], TimeSpan.FromMinutes(1))));
            Assert.Contains("verification failed", refused.Message, StringComparison.OrdinalIgnoreCase);
        }

        Assert.False(File.Exists(Path.Combine(server.Home, "began")));
    }

    [SshServerFact]
    public async Task A_machine_that_is_away_is_unreachable()
    {
        SshServer server = await SshServer.StartAsync();
        RemoteOptions options = server.Options();
        await server.DisposeAsync();

        await Assert.ThrowsAsync<RemoteHostUnreachableException>(() => new RemoteHost(new OpenSshShell(options), options).PollAsync(server.Target, "x", default));
    }

    [Theory]
    [InlineData("-oProxyCommand=touch /tmp/pwned")]
    [InlineData("a b")]
    [InlineData("host;x")]
    [InlineData("user@host")]
    [InlineData("")]
    [InlineData(null)]
    public void An_address_that_is_none_is_refused(string? address)
    {
        OpenSshShell shell = new(new RemoteOptions { SshKeyFile = "k", SshKnownHostsFile = "h" });

        Assert.Throws<ArgumentException>(() => shell.Arguments(new RemoteTarget("i-1", address)));
    }

    private static async Task<RemoteJobState> EndAsync(IRemoteHost host, RemoteTarget target, string id)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(50))
        {
            RemoteJobState state = await host.PollAsync(target, id);
            if (state.Phase != RemoteJobPhase.Running) return state;
        }

        throw new TimeoutException($"{id} does not end.");
    }
}
