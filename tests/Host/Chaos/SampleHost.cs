using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Durable.Tests.Host.Chaos;

/// <summary>The sample app as a process of its own, to be killed.</summary>
internal sealed class SampleHost : IAsyncDisposable
{
    private readonly Process process;
    private readonly ConcurrentQueue<string> lines = new();
    private readonly TaskCompletionSource joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int joins;

    private SampleHost(Process process)
    {
        this.process = process;
        Pid = process.Id;
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Process id, also what the effects of this host are recorded under.</summary>
    public int Pid { get; }

    /// <summary>How often it has joined its hub.</summary>
    public int Joins => Volatile.Read(ref joins);

    /// <summary>What it has logged.</summary>
    public IReadOnlyCollection<string> Lines => lines;

    public bool HasExited => process.HasExited;

    /// <summary>Starts the app in <paramref name="folder"/>, which holds its host.json.</summary>
    public static SampleHost Start(string folder, string connection, int port)
    {
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "SampleApp.dll"), "--port", port.ToString(CultureInfo.InvariantCulture)]
        )
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["PostgresConnection"] = connection;
        start.Environment["Durable__MaxDeliveries"] = "1000"; // on a slow machine ten kills in a row may meet the same activity, which is no fault of its own
        start.Environment.Remove("DurablePostgres");
        start.Environment.Remove("AzureWebJobsScriptRoot");
        return new SampleHost(Process.Start(start)!);
    }

    /// <summary>Waits until it has joined its hub and answers HTTP.</summary>
    public async Task ReadyAsync()
    {
        await JoinedAsync();
        await WithinAsync(listening.Task, "listen");
    }

    public Task JoinedAsync() => WithinAsync(joined.Task, "join its hub");

    /// <summary>SIGKILL; returns when the process is gone.</summary>
    public async Task KillNineAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>SIGSTOP or SIGCONT.</summary>
    public async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("kill", ["-" + signal, Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task WithinAsync(Task task, string what)
    {
        try
        {
            await task.WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"Host {Pid} did not {what} within 60 s: {string.Join('\n', lines.TakeLast(20))}");
        }
    }

    private void Read(string? line)
    {
        if (line is null)
            return;
        lines.Enqueue(line);
        if (line.Contains("joined task hub", StringComparison.Ordinal))
        {
            Interlocked.Increment(ref joins);
            joined.TrySetResult();
        }
        else if (line.Contains("Now listening on", StringComparison.Ordinal))
        {
            listening.TrySetResult();
        }
    }
}
