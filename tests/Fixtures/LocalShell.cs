using System.Diagnostics;
using Durable.Operations.Remote;

namespace Durable.Tests.Fixtures;

/// <summary>This machine as if it were far away: scripts run in a shell whose home is a folder of the test. Disposing kills every job
/// left.</summary>
internal sealed class LocalShell : IRemoteShell, IAsyncDisposable
{
    public string Home { get; } = Directory.CreateTempSubdirectory("durable-remote-").FullName;

    public async Task<string> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new("/bin/sh", ["-s"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Home,
            Environment = { ["HOME"] = Home },
        };
        using Process shell = Process.Start(start)!;
        await shell.StandardInput.WriteAsync(script.AsMemory(), cancellationToken);
        shell.StandardInput.Close();
        string output = await shell.StandardOutput.ReadToEndAsync(cancellationToken);
        await shell.WaitForExitAsync(cancellationToken);
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        string jobs = Path.Combine(Home, ".durable", "jobs");
        RemoteHost host = new(this, new RemoteOptions());
        foreach (string job in Directory.Exists(jobs) ? Directory.GetDirectories(jobs) : [])
        {
            if (!File.Exists(Path.Combine(job, "rc")))
                await host.KillAsync(new RemoteTarget("i-1"), Path.GetFileName(job), CancellationToken.None);
        }

        Directory.Delete(Home, recursive: true);
    }
}
