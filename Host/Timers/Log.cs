using Microsoft.Extensions.Logging;

namespace Durable.Host.Timers;

/// <summary>Messages about timers.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Timer '{function}' ({schedule}, {timeZone}) is next due {next:u}")]
    public static partial void Scheduled(ILogger logger, string function, string schedule, string timeZone, DateTimeOffset? next);

    [LoggerMessage(2, LogLevel.Debug, "Timer '{function}' fires the occurrence of {occurrence:u}, {late} late")]
    public static partial void Fires(ILogger logger, string function, DateTimeOffset occurrence, TimeSpan late);

    [LoggerMessage(3, LogLevel.Warning, "Timer '{function}' missed the occurrence of {occurrence:u} and fires it now, {late} late")]
    public static partial void FiresPastDue(ILogger logger, string function, DateTimeOffset occurrence, TimeSpan late);

    [LoggerMessage(
        4,
        LogLevel.Warning,
        "Timer '{function}': the host that fired the occurrence of {occurrence:u} is dead; firing it again (call {tries})"
    )]
    public static partial void TakenOver(ILogger logger, string function, DateTimeOffset occurrence, int tries);

    [LoggerMessage(5, LogLevel.Error, "Timer '{function}': the occurrence of {occurrence:u} took {tries} hosts down; giving it up")]
    public static partial void GivenUp(ILogger logger, string function, DateTimeOffset occurrence, int tries);

    [LoggerMessage(6, LogLevel.Error, "Timer '{function}' failed at the occurrence of {occurrence:u}; the next one fires as usual")]
    public static partial void Failed(ILogger logger, Exception exception, string function, DateTimeOffset occurrence);

    [LoggerMessage(
        7,
        LogLevel.Warning,
        "Timer '{function}': lost the claim on the occurrence of {occurrence:u}; cancelling the call, another host fires it"
    )]
    public static partial void ClaimLost(ILogger logger, string function, DateTimeOffset occurrence);

    [LoggerMessage(
        8,
        LogLevel.Information,
        "Timer '{function}': the host stops during the occurrence of {occurrence:u}; it fires again after the next start"
    )]
    public static partial void Interrupted(ILogger logger, string function, DateTimeOffset occurrence);

    [LoggerMessage(EventId = 9, Message = "Timer '{function}' cannot reach its row (attempt {attempt}): {reason} Retrying in {wait}")]
    public static partial void StoreFailed(ILogger logger, LogLevel level, string function, int attempt, string reason, TimeSpan wait);

    [LoggerMessage(
        10,
        LogLevel.Warning,
        "Timer '{function}': the database clock was set back to {now:u}; the next occurrence is {next:u} instead of {before:u}"
    )]
    public static partial void ClockSetBack(
        ILogger logger,
        string function,
        DateTimeOffset now,
        DateTimeOffset? next,
        DateTimeOffset? before
    );

    [LoggerMessage(11, LogLevel.Error, "{problem}")]
    public static partial void CannotSchedule(ILogger logger, string problem);
}
