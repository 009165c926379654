using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Output;

namespace Durable.Cli.Client;

/// <summary>A host's refusals as sentences, never a path or JSON.</summary>
internal static class Refusals
{
    /// <summary>The message and exit code for <paramref name="status"/>.</summary>
    /// <param name="status">400 or more.</param>
    /// <param name="body">The body of the refusal, or null.</param>
    public static CommandFailedException Of(HttpStatusCode status, JsonNode? body)
    {
        string reason = Sentence(body);
        return status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new CommandFailedException(
                ExitCode.BadUsage,
                ("The host needs a key: set DURABLE_KEY or give --key. " + reason).TrimEnd()
            ),
            HttpStatusCode.BadRequest => new CommandFailedException(
                ExitCode.BadUsage,
                Or("The host refused a value and did not say which.")
            ),
            HttpStatusCode.ServiceUnavailable => new CommandFailedException(
                ExitCode.Unreachable,
                ("The host is not ready. " + reason).TrimEnd() + $" '{Screen.Command} health' says what is missing."
            ),
            HttpStatusCode.NotFound => new CommandFailedException(
                ExitCode.Failed,
                Or(
                    "The host does not know that. Is it another app, or another version? "
                        + $"'{Screen.Command} functions list' shows what it serves."
                )
            ),
            HttpStatusCode.Gone or HttpStatusCode.PreconditionFailed => new CommandFailedException(
                ExitCode.Failed,
                Or("The instance's state does not allow that.")
            ),
            HttpStatusCode.RequestEntityTooLarge => new CommandFailedException(
                ExitCode.BadUsage,
                Or("That is larger than the host accepts.")
            ),
            >= HttpStatusCode.InternalServerError => new CommandFailedException(
                ExitCode.Failed,
                Or($"The host failed with HTTP {(int)status} and gave no reason; its log has it.")
            ),
            _ => new CommandFailedException(ExitCode.Failed, Or($"The host refused with HTTP {(int)status} and gave no reason.")),
        };

        string Or(string otherwise) => reason.Length > 0 ? reason : otherwise;
    }

    /// <summary>The reason in a body: text, <c>error</c> with <c>fields</c>, or the Message of the management API. Empty when there is
    /// none.</summary>
    public static string Sentence(JsonNode? body)
    {
        if (body is not JsonObject)
            return Fields.Plain(body).Trim();
        List<string> lines = [];
        if (First(body, "error", "exceptionMessage", "message", "detail", "title") is { Length: > 0 } message)
            lines.Add(message);
        if ((body.Field("fields") ?? body.Field("errors")) is JsonObject fields)
        {
            lines.RemoveAll(line => line == "invalid options"); // the fields say more
            lines.AddRange(fields.Select(field => $"{field.Key}: {Cells.Of(Plain, field.Value)}"));
        }
        if (body.Field("difference") is JsonArray { Count: > 0 } difference)
            lines.AddRange(difference.Select(change => "  " + Cells.Of(Plain, change)));
        return lines.Count > 0 ? string.Join(Environment.NewLine, lines) : Cells.Of(Plain, body);
    }

    private static Screen Plain { get; } = new(TextWriter.Null, TextWriter.Null, Interactive: false);

    private static string First(JsonNode? body, params IEnumerable<string> names) =>
        names.Select(name => body.Text(name)).FirstOrDefault(text => text.Length > 0) ?? string.Empty;
}
