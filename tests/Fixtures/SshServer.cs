using System.Diagnostics;
using System.Globalization;
using Durable.Operations.Remote;

namespace Durable.Tests.Fixtures;

/// <summary>A test that needs OpenSSH's server; skipped by name where there is none.</summary>
public sealed class SshServerFactAttribute : FactAttribute
{
    public SshServerFactAttribute()
    {
        if (!File.Exists(SshServer.Program))
            Skip = $"{SshServer.Program} is not installed (apt-get install openssh-server).";
    }
}

/// <summary>OpenSSH's own server on a free port of 127.0.0.1, with keys of its own, for the user who runs the tests.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    public const string Program = "/usr/sbin/sshd";

    private readonly Process process;

    private SshServer(Process process, string home, int port) => (this.process, Home, Port) = (process, home, port);

    /// <summary>Home of whoever logs in.</summary>
    public string Home { get; }

    public int Port { get; }

    public RemoteTarget Target { get; } = new("i-0ssh", "127.0.0.1");

    /// <param name="moreKeys">Types of further host keys, each in a file of its name.</param>
    public static async Task<SshServer> StartAsync(params string[] moreKeys)
    {
        string home = Directory.CreateTempSubdirectory("durable-ssh-").FullName;
        await KeyAsync(Path.Combine(home, "host"));
        await KeyAsync(Path.Combine(home, "user"));
        foreach (string type in moreKeys)
            await KeyAsync(Path.Combine(home, type), type);
        int port = PrivatePostgres.FreePort();
        await File.WriteAllTextAsync(
            Path.Combine(home, "known_hosts"),
            "i-0ssh " + await File.ReadAllTextAsync(Path.Combine(home, "host.pub"))
        );
        File.Copy(Path.Combine(home, "user.pub"), Path.Combine(home, "authorized"));
        await File.WriteAllTextAsync(
            Path.Combine(home, "config"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                ListenAddress 127.0.0.1
                Port {port}
                HostKey {home}/host
                {string.Join('\n', moreKeys.Select(type => $"HostKey {home}/{type}"))}
                AuthorizedKeysFile {home}/authorized
                PidFile none
                StrictModes no
                UsePAM no
                PasswordAuthentication no
                PermitRootLogin prohibit-password
                SetEnv HOME={home}
                """
            )
        );
        if (Environment.UserName == "root")
            Directory.CreateDirectory("/run/sshd");
        Process process = Process.Start(
            new ProcessStartInfo(Program, ["-D", "-e", "-f", Path.Combine(home, "config")]) { RedirectStandardError = true }
        )!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        SshServer server = new(process, home, port);
        await server.WaitAsync();
        return server;
    }

    public RemoteOptions Options(string? knownHosts = null) =>
        new()
        {
            Transport = "ssh",
            SshUser = Environment.UserName,
            SshPort = Port,
            SshKeyFile = Path.Combine(Home, "user"),
            SshKnownHostsFile = knownHosts ?? Path.Combine(Home, "known_hosts"),
        };

    public IRemoteHost Host(string? knownHosts = null) => new RemoteHost(new SshShell(Options(knownHosts)), Options(knownHosts));

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(Home, recursive: true);
    }

    private async Task WaitAsync()
    {
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(10); await Task.Delay(50))
        {
            if (process.HasExited)
                throw new InvalidOperationException($"sshd ended with {process.ExitCode}.");
            try
            {
                using System.Net.Sockets.TcpClient probe = new();
                await probe.ConnectAsync("127.0.0.1", Port);
                return;
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Not listening yet.
            }
        }

        throw new TimeoutException("sshd does not listen.");
    }

    private static async Task KeyAsync(string path, string type = "ed25519")
    {
        using Process keygen = Process.Start(new ProcessStartInfo("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "test", "-f", path]))!;
        await keygen.WaitForExitAsync();
        Assert.Equal(0, keygen.ExitCode);
    }
}
