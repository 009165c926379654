using Durable.Host.Functions;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Http;

/// <summary>Runs functions that an operator calls manually, in the background. A stopping host waits for them.</summary>
internal sealed class ManualCalls(
    FunctionRuntime runtime,
    ITimerStatus timers,
    IServiceProvider services,
    IHostApplicationLifetime lifetime,
    ILogger<ManualCalls> logger
) : IHostedService
{
    private readonly Lock gate = new();
    private readonly HashSet<Task> running = [];

    /// <summary>Calls a timer or activity function, or starts a new instance of an orchestrator. Returns at once; a failure is
    /// logged.</summary>
    /// <param name="function">Any function but an HTTP one.</param>
    /// <param name="input">JSON text, plain text, or null; a timer function ignores it.</param>
    public void Start(FunctionEntry function, string? input)
    {
        Log.CalledByHand(logger, function.Name);
        Task call = Task.Run(() => CallAsync(function, input, lifetime.ApplicationStopping), CancellationToken.None);
        lock (gate)
            this.running.Add(call);
        call.ContinueWith(Forget, TaskScheduler.Default);

        void Forget(Task done)
        {
            lock (gate)
                this.running.Remove(done);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task[] running;
        lock (gate)
            running = [.. this.running];
        await Task.WhenAll(running).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task CallAsync(FunctionEntry function, string? input, CancellationToken cancellation)
    {
        try
        {
            switch (function.Kind)
            {
                case FunctionKind.Timer:
                    await runtime.InvokeTimerAsync(function.Name, await timers.DescribeAsync(function.Name, cancellation), cancellation);
                    break;
                case FunctionKind.Activity:
                    await runtime.InvokeActivityAsync(
                        new ActivityCall(function.Name, $"admin-{Guid.NewGuid():N}", 0, ManualInput.AsJson(input), null, 1, null),
                        cancellation
                    );
                    break;
                case FunctionKind.Orchestrator:
                    await services
                        .GetRequiredService<DurableTaskClient>()
                        .ScheduleNewOrchestrationInstanceAsync(new TaskName(function.Name), ManualInput.AsElement(input), cancellation);
                    break;
            }
        }
        catch (Exception e)
        {
            Log.ByHandFailed(logger, e, function.Name);
        }
    }
}
