using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable functions …</c>: the functions of the app.</summary>
internal static class FunctionCommands
{
    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("functions", "Shows the functions of the app.") { List(connection, screen) };

    private static Command List(Connection connection, Screen screen)
    {
        Option<string> kind = Options.Choice(
            "--kind",
            "Only these: all, http, timer, orchestration, activity; default all",
            "all",
            "http",
            "timer",
            "orchestration",
            "activity"
        );
        return new Command("list", "Lists functions with what starts them.") { kind }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                Answer answer = await client.SendAsync(HttpMethod.Get, "admin/functions", json: null, cancellation);
                string only = parsed.GetRequiredValue(kind);
                List<JsonNode?> found =
                [
                    .. (answer.Body as JsonArray ?? [])
                        .Where(f => only == "all" || Kind(f) == only)
                        .OrderBy(Kind, StringComparer.Ordinal)
                        .ThenBy(f => f.Text("name"), StringComparer.Ordinal),
                ];
                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, new JsonArray([.. found.Select(f => f?.DeepClone())]));
                else
                    Tables.Write(
                        screen,
                        [new Column("function", 0, 32), new("kind", 0), new("started by", 1, 24)],
                        found.Select(f => (IReadOnlyList<string>)[f.Text("name"), Kind(f), StartedBy(f)])
                    );
                return ExitCode.Ok;
            }
        );
    }

    /// <summary>http, timer, orchestration or activity.</summary>
    public static string Kind(JsonNode? function) =>
        Trigger(function).Text("type") switch
        {
            var type when type.EndsWith("Trigger", StringComparison.Ordinal) => type[..^"Trigger".Length],
            var type => type,
        };

    /// <summary>The function with this name, ignoring case.</summary>
    /// <exception cref="CommandFailedException">There is none, or it has another kind.</exception>
    public static async Task<JsonNode> FindAsync(DurableClient client, string name, string kind, CancellationToken cancellation)
    {
        Answer answer = await client.SendAsync(
            HttpMethod.Get,
            "admin/functions/" + Uri.EscapeDataString(name),
            json: null,
            cancellation,
            allow: [HttpStatusCode.NotFound]
        );
        if (answer.Status == HttpStatusCode.NotFound || answer.Body is null)
            throw new CommandFailedException(
                ExitCode.Failed,
                $"No function is called '{name}'. {Screen.Command} functions list --kind {kind} shows those there are."
            );
        return Kind(answer.Body) == kind
            ? answer.Body
            : throw new CommandFailedException(
                ExitCode.Failed,
                $"{answer.Body.Text("name")} is not a {kind} function: its trigger is {Kind(answer.Body)}."
            );
    }

    private static string StartedBy(JsonNode? function)
    {
        JsonNode? trigger = Trigger(function);
        return trigger.Text("type") switch
        {
            "httpTrigger" =>
                $"{string.Join(", ", (trigger.Field("methods") as JsonArray ?? []).Select(m => Fields.Plain(m).ToUpperInvariant()))} {new Uri(function.Text("invoke_url_template").Replace("{", "%7B", StringComparison.Ordinal).Replace("}", "%7D", StringComparison.Ordinal)).AbsolutePath.Replace("%7B", "{", StringComparison.Ordinal).Replace("%7D", "}", StringComparison.Ordinal)}".Trim(),
            "timerTrigger" => trigger.Text("schedule") + (function.Text("isDisabled") == "true" ? " (disabled)" : string.Empty),
            _ => string.Empty,
        };
    }

    private static JsonNode? Trigger(JsonNode? function) =>
        (function.Field("config").Field("bindings") as JsonArray ?? []).FirstOrDefault(b =>
            b.Text("type").EndsWith("Trigger", StringComparison.Ordinal)
        );
}
