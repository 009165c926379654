using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Timers;

/// <summary>The app's enabled timer functions.</summary>
internal interface ITimerFunctions
{
    /// <summary>All of them; read once at start.</summary>
    IReadOnlyList<TimerFunction> All { get; }
}

/// <summary>A timer function.</summary>
/// <param name="Name">Name as its attribute spells it.</param>
/// <param name="Schedule">NCRONTAB, time span or <c>%Setting%</c>.</param>
/// <param name="RunOnStartup">Fires at every start of a host, too.</param>
/// <param name="UseMonitor">Fires an occurrence missed while no host ran.</param>
/// <param name="Invoke">Calls it; exceptions are logged, and the occurrence counts as fired.</param>
internal sealed record TimerFunction(
    string Name,
    string Schedule,
    bool RunOnStartup,
    bool UseMonitor,
    Func<TimerInfo, CancellationToken, Task> Invoke
);

/// <summary>A timer as consoles show it.</summary>
/// <param name="Name">Function.</param>
/// <param name="Schedule">Current expression, settings resolved.</param>
/// <param name="TimeZone">IANA name.</param>
/// <param name="LastAt">Last occurrence fired; null when none.</param>
/// <param name="NextAt">Next occurrence; null when none.</param>
/// <param name="RunningSince">Occurrence firing now; null when none.</param>
/// <param name="Paused">Occurrences pass without firing.</param>
internal sealed record TimerStatus(
    string Name,
    string Schedule,
    string TimeZone,
    DateTimeOffset? LastAt,
    DateTimeOffset? NextAt,
    DateTimeOffset? RunningSince,
    bool Paused
);
