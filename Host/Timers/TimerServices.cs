using Durable.Host.Hosting;
using Durable.Host.Store;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Durable.Host.Timers;

/// <summary>Registration of the timer triggers.</summary>
internal static class TimerServices
{
    /// <summary>Adds <see cref="TimerTriggerService"/> and <see cref="TimerStore"/>. Needs <see cref="HubDatabase"/>,
    /// <see cref="ITimerFunctions"/> and <see cref="HostState"/>.</summary>
    public static IServiceCollection AddTimerTriggers(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(new TimerOptions());
        return services
            .AddSingleton(s => new TimerStore(s.GetRequiredService<HubDatabase>().Source, s.GetRequiredService<HubDatabase>().Schema))
            .AddHostedService<TimerTriggerService>();
    }
}
