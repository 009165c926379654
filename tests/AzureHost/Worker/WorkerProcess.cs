using System.Diagnostics;
using System.Text;

namespace Durable.Tests.AzureHost.Worker;

/// <summary>The app's output, started as the Functions host starts an isolated worker.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly StringBuilder log = new();

    private WorkerProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Exited = process.WaitForExitAsync();
    }

    /// <summary>Completes when the process has ended.</summary>
    public Task Exited { get; }

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>What it has written.</summary>
    public string Log
    {
        get
        {
            lock (log)
                return log.ToString();
        }
    }

    /// <summary>Starts the worker of <c>worker.config.json</c> in the output folder.</summary>
    /// <param name="host">Where the host listens.</param>
    /// <param name="settings">The app settings; they reach the worker as environment variables.</param>
    public static WorkerProcess Start(Uri host, AppSettings settings)
    {
        (string executable, string worker) = AppOutput.Command();
        ProcessStartInfo start = new(
            executable,
            [
                Path.Combine(AppOutput.Folder, worker),
                "--functions-uri",
                host.ToString(),
                "--functions-worker-id",
                Guid.NewGuid().ToString(),
                "--functions-request-id",
                Guid.NewGuid().ToString(),
                "--functions-grpc-max-message-length",
                "2147483647",
            ]
        )
        {
            WorkingDirectory = AppOutput.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in settings.Values)
            start.Environment[name] = value;
        start.Environment["FUNCTIONS_WORKER_DIRECTORY"] = start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = AppOutput.Folder;
        return new WorkerProcess(Process.Start(start)!);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await Exited;
        process.Dispose();
    }

    private void Add(string? line)
    {
        lock (log)
            log.AppendLine(line);
    }
}
