using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Timers;

/// <summary>The app's timer functions, disabled ones left out.</summary>
internal interface ITimerFunctions
{
    /// <summary>All of them; read once at start.</summary>
    IReadOnlyList<TimerFunction> All { get; }
}

/// <summary>A timer function.</summary>
/// <param name="Name">Name in the spelling of its attribute.</param>
/// <param name="Schedule">NCRONTAB, time span or <c>%Setting%</c>.</param>
/// <param name="RunOnStartup">Fires whenever a host starts, too.</param>
/// <param name="UseMonitor">Makes up for an occurrence missed while no host ran.</param>
/// <param name="Invoke">Calls it; what it throws is logged, and the occurrence counts as fired.</param>
internal sealed record TimerFunction(
    string Name,
    string Schedule,
    bool RunOnStartup,
    bool UseMonitor,
    Func<TimerInfo, CancellationToken, Task> Invoke
);

/// <summary>A timer as consoles show it.</summary>
/// <param name="Name">Function.</param>
/// <param name="Schedule">Expression in force, settings put in.</param>
/// <param name="TimeZone">IANA name.</param>
/// <param name="LastAt">Occurrence fired last; null when none was.</param>
/// <param name="NextAt">Next occurrence; null when none comes.</param>
/// <param name="RunningSince">Occurrence being fired now; null when none is.</param>
/// <param name="Paused">Occurrences pass without a call.</param>
internal sealed record TimerStatus(
    string Name,
    string Schedule,
    string TimeZone,
    DateTimeOffset? LastAt,
    DateTimeOffset? NextAt,
    DateTimeOffset? RunningSince,
    bool Paused
);
