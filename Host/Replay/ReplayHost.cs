using Microsoft.DurableTask;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Replay;

/// <summary>The SDK's side of a host: its converter, its log, its options. One per host.</summary>
internal sealed class ReplayHost(DataConverter converter, ILoggerFactory loggers) : IServiceProvider
{
    // The store keeps timers of any length, so the SDK need not split long ones.
    private readonly DurableTaskShimFactory shims = new(
        new DurableTaskWorkerOptions { DataConverter = converter, MaximumTimerInterval = TimeSpan.FromDays(36_500) },
        loggers
    );

    /// <summary>JSON of inputs, results and events.</summary>
    public DataConverter Converter => converter;

    /// <summary>Logs of orchestrators.</summary>
    public ILoggerFactory Loggers => loggers;

    /// <inheritdoc />
    public object? GetService(Type serviceType) => serviceType == typeof(DurableTaskShimFactory) ? shims : null;
}
