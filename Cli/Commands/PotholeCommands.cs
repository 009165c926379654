using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable pothole …</c>: days, ranges and their results.</summary>
internal static class PotholeCommands
{
    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("pothole", "Runs days of road sensors on the Spark cluster and shows their results.")
        {
            Run(connection, screen),
            Backfill(connection, screen),
            Plan(connection, screen),
            Status(connection, screen),
            Cancel(connection, screen),
        };

    private static Option<string> Date(string name = "--date", string what = "Korean calendar day, YYYY-MM-DD") =>
        new(name) { Description = what, Required = true };

    private static Option<bool> Force() => new("--force") { Description = "Also what is already done" };

    private static Option<bool> NoWait() => new("--no-wait") { Description = "Return as soon as the run has started" };

    private static Command Run(Connection connection, Screen screen)
    {
        Option<string> date = Date();
        Option<bool> force = Force(),
            noWait = NoWait();
        return new Command("run", "Runs a day and waits for it. A failed day continues with its first unfinished step.")
        {
            date,
            force,
            noWait,
        }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(
                    client,
                    screen,
                    format,
                    new JsonObject { ["date"] = parsed.GetRequiredValue(date), ["force"] = parsed.GetValue(force) },
                    parsed.GetValue(noWait),
                    cancellation
                )
        );
    }

    private static Command Backfill(Connection connection, Screen screen)
    {
        Option<string> from = Date("--from", "First day, YYYY-MM-DD"),
            to = Date("--to", "Last day, YYYY-MM-DD");
        Option<bool> force = Force(),
            noWait = NoWait();
        return new Command("backfill", "Runs every unfinished day of a range, one after the other.") { from, to, force, noWait }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(
                    client,
                    screen,
                    format,
                    new JsonObject
                    {
                        ["from"] = parsed.GetRequiredValue(from),
                        ["to"] = parsed.GetRequiredValue(to),
                        ["force"] = parsed.GetValue(force),
                    },
                    parsed.GetValue(noWait),
                    cancellation
                )
        );
    }

    private static Command Plan(Connection connection, Screen screen)
    {
        Option<string> date = Date();
        Option<bool> force = Force();
        return new Command("plan", "Shows which steps a day still needs, and why. Starts nothing.") { date, force }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject body = new()
                {
                    ["date"] = parsed.GetRequiredValue(date),
                    ["force"] = parsed.GetValue(force),
                    ["dryRun"] = true,
                };
                JsonView.Write(
                    screen,
                    format,
                    (await client.CallAsync(HttpMethod.Post, "pothole", body.ToJsonString(), cancellation)).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Status(Connection connection, Screen screen)
    {
        Option<string> date = Date();
        return new Command("status", "Shows the steps, the runs and the worst road segments of a day.") { date }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                await WriteDayAsync(client, screen, format, parsed.GetRequiredValue(date), cancellation);
                return ExitCode.Ok;
            }
        );
    }

    private static Command Cancel(Connection connection, Screen screen)
    {
        Option<string> date = Date();
        return new Command("cancel", "Asks a day's run to kill its job, stop its machines and end.") { date }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string id = "pothole-" + parsed.GetRequiredValue(date);
                await client.CallAsync(HttpMethod.Post, $"operations/runs/{Uri.EscapeDataString(id)}/cancel", json: null, cancellation);
                screen.Say($"cancel accepted for {id}");
                return ExitCode.Ok;
            }
        );
    }

    private static async Task<int> StartAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        JsonObject body,
        bool noWait,
        CancellationToken cancellation
    )
    {
        Answer started = await RunStart.PostAsync(client, "pothole", body, cancellation);
        if (started.Body.Text("id").Length == 0 && started.Status == HttpStatusCode.Conflict && body["date"] is { } date)
        {
            // A running day would have an id: it is done, so show its results.
            screen.Say($"Nothing to do: {date} is done (--force does it again).");
            await WriteDayAsync(client, screen, format, Fields.Plain(date), cancellation);
            return ExitCode.Ok;
        }

        if (await RunStart.FollowAsync(client, screen, format, started, noWait, cancellation, hasMachines: true) is not { } status)
            return ExitCode.Ok;
        bool isDone = status.Text("runtimeStatus") == "Completed";
        RunStart.Show(screen, format, status);
        if (isDone && format == OutputFormat.Table && body["date"] is { } day && status.Field("output").Text("state") == "Succeeded")
        {
            JsonNode? answer = (
                await client.CallAsync(HttpMethod.Get, "pothole/" + Uri.EscapeDataString(Fields.Plain(day)), json: null, cancellation)
            ).Body;
            WriteWorst(screen, answer.Field("worst") as JsonArray ?? []);
            screen.Out.WriteLine($"The day again: {Screen.Command} pothole status --date {day}");
        }
        return status.Field("output").Text("state") == "NoInput" ? ExitCode.Failed : RunWaiter.Outcome(status);
    }

    private static async Task WriteDayAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        string date,
        CancellationToken cancellation
    )
    {
        JsonNode? day = (await client.CallAsync(HttpMethod.Get, "pothole/" + Uri.EscapeDataString(date), json: null, cancellation)).Body;
        if (format == OutputFormat.Json)
        {
            JsonView.Write(screen, format, day);
            return;
        }
        JsonView.Write(screen, format, new JsonObject { ["date"] = date, ["steps"] = day.Field("steps")?.DeepClone() });
        if (day.Field("runs") is JsonArray { Count: > 0 } runs)
        {
            screen.Out.WriteLine();
            screen.Out.WriteLine("runs:");
            RunsView.Write(screen, runs);
        }
        WriteWorst(screen, day.Field("worst") as JsonArray ?? []);
    }

    private static void WriteWorst(Screen screen, JsonArray worst)
    {
        if (worst.Count == 0)
            return;
        screen.Out.WriteLine();
        screen.Out.WriteLine("worst road segments:");
        JsonView.Write(screen, OutputFormat.Table, worst.DeepClone());
    }
}
