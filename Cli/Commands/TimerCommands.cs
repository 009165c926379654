using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable timers …</c>: list, fire now, pause, resume. Pausing needs the embedded host: the Functions host cannot
/// pause.</summary>
internal static class TimerCommands
{
    private const string Timers = "admin/timers";

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("timers", "Shows timers, calls one now, pauses and resumes them.")
        {
            List(connection, screen),
            Run(connection, screen),
            Hold(
                connection,
                screen,
                "pause",
                "Pauses a timer: its occurrences pass without a call until it is resumed.",
                "is paused: its occurrences pass without a call"
            ),
            Hold(connection, screen, "resume", "Resumes a paused timer, from its next occurrence on.", "fires again"),
        };

    private static Argument<string> Name() => new("name") { Description = "Name of the timer function" };

    private static Command List(Connection connection, Screen screen) =>
        new Command("list", "Lists timers with their schedules and next occurrences.").Does(
            connection,
            screen,
            async (_, client, format, cancellation) =>
            {
                JsonNode? timers = (await AskAsync(client, HttpMethod.Get, Timers, cancellation)).Body;
                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, timers);
                else
                {
                    Tables.Write(
                        screen,
                        [
                            new Column("timer", 0, 24),
                            new("schedule", 1, 14),
                            new("zone", 3, 10),
                            new("next", 0),
                            new("last", 2),
                            new("state", 0),
                        ],
                        (timers as JsonArray ?? []).Select(t =>
                            (IReadOnlyList<string>)
                                [
                                    t.Text("name"),
                                    t.Text("schedule"),
                                    t.Text("timeZone"),
                                    Cells.Of(screen, t, "nextAt"),
                                    Cells.Of(screen, t, "lastAt"),
                                    State(screen, t),
                                ]
                        )
                    );
                }
                return ExitCode.Ok;
            }
        );

    private static Command Run(Connection connection, Screen screen)
    {
        Argument<string> name = Name();
        return new Command("run", "Calls a timer function now, outside its schedule.") { name }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string function = (await FunctionCommands.FindAsync(client, parsed.GetRequiredValue(name), "timer", cancellation)).Text(
                    "name"
                );
                await client.SendAsync(HttpMethod.Post, "admin/functions/" + Uri.EscapeDataString(function), "{}", cancellation);
                screen.Out.WriteLine($"{function} was called. {Screen.Command} instances list shows what it starts.");
                return ExitCode.Ok;
            }
        );
    }

    private static Command Hold(Connection connection, Screen screen, string verb, string description, string outcome)
    {
        Argument<string> name = Name();
        return new Command(verb, description) { name }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string timer = parsed.GetRequiredValue(name);
                Answer answer = await AskAsync(
                    client,
                    HttpMethod.Post,
                    $"{Timers}/{Uri.EscapeDataString(timer)}/{verb}",
                    cancellation,
                    HttpStatusCode.NotFound
                );
                if (answer.Status == HttpStatusCode.NotFound)
                {
                    string known = (await FunctionCommands.FindAsync(client, timer, "timer", cancellation)).Text("name"); // fails for an unknown function
                    throw new CommandFailedException(
                        ExitCode.Failed,
                        $"{known} cannot be paused here: only the embedded host can. On Azure set AzureWebJobs.{known}.Disabled."
                    );
                }
                screen.Out.WriteLine($"{timer} {outcome}.");
                return ExitCode.Ok;
            }
        );
    }

    private static string State(Screen screen, JsonNode? timer) =>
        timer.Field("runningSince") is not null ? $"running since {Cells.Of(screen, timer, "runningSince")}"
        : timer.Text("paused") == "true" ? "paused"
        : "waiting";

    private static async Task<Answer> AskAsync(
        DurableClient client,
        HttpMethod method,
        string route,
        CancellationToken cancellation,
        params IReadOnlyList<HttpStatusCode> allow
    )
    {
        Answer answer = await client.SendAsync(method, route, json: null, cancellation, allow: [.. allow, HttpStatusCode.NotFound]);
        return answer.Status != HttpStatusCode.NotFound || allow.Count > 0
            ? answer
            : throw new CommandFailedException(
                ExitCode.Failed,
                "This host does not list timers; the embedded host does. "
                    + $"{Screen.Command} functions list --kind timer shows their schedules."
            );
    }
}
