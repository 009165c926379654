using Durable.Host.Timers;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>The catalog's timer functions as the timer triggers see them; disabled ones are left out.</summary>
internal sealed class CatalogTimers(FunctionCatalog catalog, FunctionRuntime runtime) : ITimerFunctions
{
    public IReadOnlyList<TimerFunction> All { get; } =
    [
        .. from function in catalog.OfKind(FunctionKind.Timer)
        where !function.IsDisabled
        let trigger = (TimerTriggerAttribute)function.Trigger
        select new TimerFunction(
            function.Name,
            trigger.Schedule,
            trigger.RunOnStartup,
            trigger.UseMonitor,
            (timer, cancellation) => runtime.InvokeTimerAsync(function.Name, timer, cancellation)
        ),
    ];
}
