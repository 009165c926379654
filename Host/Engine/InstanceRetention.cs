using Durable.Host.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Engine;

/// <summary>Deletes instances that ended more than <see cref="HubSettings.InstanceRetention"/> ago, in small batches beside running
/// work.</summary>
internal sealed partial class InstanceRetention(
    PostgresTaskHub hub,
    HubSettings settings,
    TimeProvider time,
    ILogger<InstanceRetention> logger
) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(200);

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (settings.InstanceRetention > TimeSpan.Zero)
        {
            try
            {
                await Task.Delay(LookEvery, time, stoppingToken);
                int purged = 0;
                while (await hub.PurgeOldAsync(settings.InstanceRetention, stoppingToken) is > 0 and int batch)
                {
                    purged += batch;
                    await Task.Delay(Breath, time, stoppingToken);
                }

                if (purged > 0)
                {
                    Log.Purged(logger, purged, settings.InstanceRetention);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Log.Failed(logger, StoreFaults.Explain(e));
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            70,
            LogLevel.Information,
            "Deleted {Count} instances that ended more than {Retention} ago (setting Durable__InstanceRetention)"
        )]
        public static partial void Purged(ILogger logger, int count, TimeSpan retention);

        [LoggerMessage(71, LogLevel.Warning, "Ended instances could not be deleted; retrying later. {Reason}")]
        public static partial void Failed(ILogger logger, string reason);
    }
}
