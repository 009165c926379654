using System.Globalization;
using Durable.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Durable.Host.Hosting;

/// <summary>Console log: one line per message, UTC times, no secrets. Exceptions of drivers quote connection strings, those of clients
/// headers and addresses.</summary>
internal sealed class RedactedConsole() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "redacted";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string text = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (logEntry.Exception is { } exception)
            text = $"{text} {exception}";
        string line = Redaction.Redact(text).ReplaceLineEndings(" ");
        textWriter.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{DateTime.UtcNow:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Level(logEntry.LogLevel)}: "
                    + $"{logEntry.Category}[{logEntry.EventId.Id}] {line}"
            )
        );
    }

    private static string Level(LogLevel level) =>
        level switch
        {
            LogLevel.Trace => "trce",
            LogLevel.Debug => "dbug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            _ => "crit",
        };
}

/// <summary>Registers <see cref="RedactedConsole"/>.</summary>
internal static class RedactedConsoleLogging
{
    /// <summary>Logs to standard output through <see cref="RedactedConsole"/>.</summary>
    public static ILoggingBuilder AddRedactedConsole(this ILoggingBuilder logging)
    {
        logging.AddConsole(console => console.FormatterName = RedactedConsole.FormatterName);
        logging.Services.AddSingleton<ConsoleFormatter, RedactedConsole>();
        return logging;
    }
}
