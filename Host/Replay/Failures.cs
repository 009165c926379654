using Durable.Host.History;
using Microsoft.DurableTask;

namespace Durable.Host.Replay;

/// <summary>Turns exceptions into stored failures.</summary>
internal static class Failures
{
    /// <summary>The failure of an exception with its inner chain; of an AggregateException only the first inner one, as on the official
    /// host.</summary>
    public static FailureInfo From(Exception exception)
    {
        if (exception is TaskFailedException { FailureDetails: { } details } failed)
        {
            return new FailureInfo(failed.GetType().FullName!, failed.Message, failed.StackTrace, From(details));
        }

        return new FailureInfo(
            exception.GetType().FullName ?? exception.GetType().Name,
            Clean(exception.Message),
            exception.StackTrace,
            exception.InnerException is { } inner ? From(inner) : null
        );
    }

    /// <summary>The stored form of official details.</summary>
    public static FailureInfo From(TaskFailureDetails details) =>
        new(details.ErrorType, Clean(details.ErrorMessage), details.StackTrace, details.InnerFailure is { } inner ? From(inner) : null);

    /// <summary>An error's text as stored and shown: without secrets and characters that PostgreSQL cannot store.</summary>
    public static string Clean(string text) => Durable.Postgres.Redaction.Redact(text);
}
