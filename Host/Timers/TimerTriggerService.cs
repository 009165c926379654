using Durable.Host.Configuration;
using Durable.Host.Hosting;
using Durable.Host.Store;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Timers;

/// <summary>Fires the app's timer functions.</summary>
/// <remarks>
/// Time zone of a function: setting <c>AzureFunctions__Timers__&lt;FunctionName&gt;__TimeZone</c>, else <c>WEBSITE_TIME_ZONE</c>, else UTC.
/// A schedule or zone that cannot be read puts the host into the state Error and names all such mistakes; no timer fires then.
/// </remarks>
internal sealed class TimerTriggerService(
    ITimerFunctions functions,
    TimerStore store,
    IConfiguration settings,
    HostState state,
    TimerOptions options,
    TimeProvider time,
    ILogger<TimerTriggerService> logger
) : BackgroundService
{
    private const string Part = "timers";

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (Schedules() is not { } schedules || !await PrepareAsync(stoppingToken))
            return; // also without timers, so that listing them returns an empty list
        await Task.WhenAll(
            schedules.Select(s => new TimerRunner(s.Function, s.Schedule, store, options, time, logger).RunAsync(stoppingToken))
        );
    }

    /// <summary>Reads every schedule; null, with the host in error, when one cannot be read.</summary>
    internal IReadOnlyList<(TimerFunction Function, TimerSchedule Schedule)>? Schedules()
    {
        List<(TimerFunction, TimerSchedule)> schedules = [];
        List<string> problems = [];
        foreach (TimerFunction function in functions.All)
        {
            try
            {
                schedules.Add((function, TimerSchedule.Of(function.Name, function.Schedule, settings)));
            }
            catch (Exception e) when (e is ScheduleFormatException or AppSettingMissingException or TimeZoneUnknownException)
            {
                problems.Add($"Timer function '{function.Name}', schedule '{function.Schedule}': {e.Message}");
            }
        }

        foreach (string problem in problems)
            Log.CannotSchedule(logger, problem);
        if (problems.Count == 0)
            return schedules;
        state.Fail(Part, string.Join(' ', problems));
        return null;
    }

    /// <returns>False when stopped before the database answered.</returns>
    private async Task<bool> PrepareAsync(CancellationToken stopping)
    {
        for (int failures = 1; !stopping.IsCancellationRequested; failures++)
        {
            try
            {
                await store.PrepareAsync(stopping);
                state.Recover(Part);
                return true;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception e)
            {
                TimeSpan wait = TimeSpan.FromSeconds(Math.Min(30, failures));
                state.Fail(Part, $"The table of timers cannot be prepared: {e.Message}");
                Log.StoreFailed(logger, TimerRunner.LevelOf(e), "(all)", failures, HubDatabase.Explain(e), wait);
                await Task.Delay(wait, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return false;
    }
}
