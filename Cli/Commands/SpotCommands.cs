using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable spot …</c>: slots of the spot market, gaps, and the market at any time.</summary>
internal static class SpotCommands
{
    private const string SlotTime = "UTC time of a slot, e.g. 2026-11-26T10:20";

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("spot", "Collects the EC2 spot market in ten-minute slots and shows its history.")
        {
            Run(connection, screen),
            Plan(connection, screen),
            Slot(connection, screen),
            Workload(connection, screen),
            Gaps(connection, screen),
            Backfill(connection, screen),
            Latest(connection, screen),
            History(connection, screen),
        };

    private static Option<string?> Text(string name, string what) => new(name) { Description = what };

    private static Option<bool> NoWait() => new("--no-wait") { Description = "Return as soon as the run has started" };

    private static Command Run(Connection connection, Screen screen)
    {
        Option<string?> slot = Text("--slot", SlotTime + " (default: now)"),
            plan = Text("--plan", "Apply exactly the plan with this hash");
        Option<double?> share = new("--max-removed-share") { Description = "Share of the rows that may vanish, instead of the setting" };
        Option<bool> noWait = NoWait();
        return new Command("run", "Collects and stores a slot and waits for it. A failed slot continues where it ended.")
        {
            slot,
            share,
            plan,
            noWait,
        }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(
                    client,
                    screen,
                    format,
                    "spot",
                    new JsonObject
                    {
                        ["slot"] = parsed.GetValue(slot),
                        ["maxRemovedShare"] = parsed.GetValue(share),
                        ["plan"] = parsed.GetValue(plan),
                    },
                    parsed.GetValue(noWait),
                    cancellation
                )
        );
    }

    private static Command Plan(Connection connection, Screen screen)
    {
        Option<string?> slot = Text("--slot", SlotTime + " (default: now)"),
            from = Text("--from", "First slot of a range"),
            to = Text("--to", "Last slot of a range");
        return new Command("plan", "Shows what a slot, or a backfill of a range, would do and why. Starts nothing.")
        {
            slot,
            from,
            to,
        }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                bool isRange = parsed.GetValue(from) is not null || parsed.GetValue(to) is not null;
                JsonObject body = isRange
                    ? new JsonObject
                    {
                        ["from"] = parsed.GetValue(from),
                        ["to"] = parsed.GetValue(to),
                        ["dryRun"] = true,
                    }
                    : new JsonObject { ["slot"] = parsed.GetValue(slot), ["dryRun"] = true };
                JsonView.Write(
                    screen,
                    format,
                    (await client.CallAsync(HttpMethod.Post, isRange ? "spot/backfill" : "spot", body.ToJsonString(), cancellation)).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Slot(Connection connection, Screen screen)
    {
        Option<string> slot = new("--slot") { Description = SlotTime, Required = true };
        return Show(
            connection,
            screen,
            new Command("slot", "Shows the record and the runs of a slot.") { slot },
            parsed => "spot/slots/" + Uri.EscapeDataString(parsed.GetRequiredValue(slot))
        );
    }

    private static Command Workload(Connection connection, Screen screen)
    {
        Option<string?> date = Text("--date", "Day, YYYY-MM-DD: today or tomorrow, UTC (default: today)");
        Option<bool> noWait = NoWait();
        return new Command("workload", "Packs a day's questions unless they exist, and waits for it.") { date, noWait }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(
                    client,
                    screen,
                    format,
                    "spot/workload",
                    new JsonObject { ["date"] = parsed.GetValue(date) },
                    parsed.GetValue(noWait),
                    cancellation
                )
        );
    }

    private static Command Gaps(Connection connection, Screen screen)
    {
        Option<string?> from = Text("--from", "First slot (default: 24 hours before the last)"),
            to = Text("--to", "Last slot (default: the one before now)");
        return Show(
            connection,
            screen,
            new Command("gaps", "Shows which slots are missing, why, and which can be filled.") { from, to },
            parsed => "spot/gaps" + Query(("from", parsed.GetValue(from)), ("to", parsed.GetValue(to)))
        );
    }

    private static Command Backfill(Connection connection, Screen screen)
    {
        Option<string?> from = Text("--from", "First slot (default: 24 hours before the last)"),
            to = Text("--to", "Last slot (default: the one before now)"),
            plan = Text("--plan", "Apply exactly the plan with this hash");
        Option<bool> noWait = NoWait();
        return new Command("backfill", "Fills every missing slot of a range that has raw files, oldest first.")
        {
            from,
            to,
            plan,
            noWait,
        }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(
                    client,
                    screen,
                    format,
                    "spot/backfill",
                    new JsonObject
                    {
                        ["from"] = parsed.GetValue(from),
                        ["to"] = parsed.GetValue(to),
                        ["plan"] = parsed.GetValue(plan),
                    },
                    parsed.GetValue(noWait),
                    cancellation
                )
        );
    }

    private static Command Latest(Connection connection, Screen screen)
    {
        Option<string?> type = Text("--type", "Instance type"),
            region = Text("--region", "Region"),
            zone = Text("--zone", "Zone id, e.g. use1-az2"),
            at = Text("--at", "The market as of this UTC time instead of now");
        Option<long?> limit = Options.Number("--limit", "Rows at most");
        return ShowMarket(
            connection,
            screen,
            new Command("latest", "Shows the market now, or as of a time.") { type, region, zone, at, limit },
            "rows",
            parsed =>
                "spot/market"
                + Query(
                    ("type", parsed.GetValue(type)),
                    ("region", parsed.GetValue(region)),
                    ("zone", parsed.GetValue(zone)),
                    ("at", parsed.GetValue(at)),
                    ("limit", parsed.GetValue(limit)?.ToString(CultureInfo.InvariantCulture))
                )
        );
    }

    private static Command History(Connection connection, Screen screen)
    {
        Option<string> type = new("--type") { Description = "Instance type", Required = true },
            region = new("--region") { Description = "Region", Required = true },
            zone = new("--zone") { Description = "Zone id, e.g. use1-az2", Required = true };
        Option<string?> from = Text("--from", "From this UTC time"),
            to = Text("--to", "To this UTC time");
        Option<long?> limit = Options.Number("--limit", "Changes at most");
        return ShowMarket(
            connection,
            screen,
            new Command("history", "Shows every change of one row of the market.") { type, region, zone, from, to, limit },
            "changes",
            parsed =>
                "spot/history"
                + Query(
                    ("type", parsed.GetRequiredValue(type)),
                    ("region", parsed.GetRequiredValue(region)),
                    ("zone", parsed.GetRequiredValue(zone)),
                    ("from", parsed.GetValue(from)),
                    ("to", parsed.GetValue(to)),
                    ("limit", parsed.GetValue(limit)?.ToString(CultureInfo.InvariantCulture))
                )
        );
    }

    private static Command Show(Connection connection, Screen screen, Command command, Func<ParseResult, string> route) =>
        command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Get, route(parsed), json: null, cancellation)).Body);
                return ExitCode.Ok;
            }
        );

    private static Command ShowMarket(
        Connection connection,
        Screen screen,
        Command command,
        string rows,
        Func<ParseResult, string> route
    ) =>
        command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode? body = (await client.CallAsync(HttpMethod.Get, route(parsed), json: null, cancellation)).Body;
                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, body);
                else
                    MarketView.Write(screen, body.Text("slot"), body.Field(rows) as JsonArray ?? []);
                return ExitCode.Ok;
            }
        );

    private static string Query(params (string Name, string? Value)[] values)
    {
        string[] given =
        [
            .. values.Where(value => value.Value is not null).Select(value => $"{value.Name}={Uri.EscapeDataString(value.Value!)}"),
        ];
        return given.Length == 0 ? "" : "?" + string.Join('&', given);
    }

    private static async Task<int> StartAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        string route,
        JsonObject body,
        bool noWait,
        CancellationToken cancellation
    )
    {
        foreach (string name in body.Where(member => member.Value is null).Select(member => member.Key).ToList())
            body.Remove(name);
        Answer started = await RunStart.PostAsync(client, route, body, cancellation);
        if (started.Body.Text("id").Length == 0 && started.Body.Text("slot") is { Length: > 0 } slot)
        {
            // It is in the history: show its record.
            screen.Say(
                $"Nothing to do: slot {slot} is there. A slot is collected once; the next begins at {started.Body.Text("next")} UTC."
            );
            JsonView.Write(
                screen,
                format,
                (await client.CallAsync(HttpMethod.Get, "spot/slots/" + Uri.EscapeDataString(slot), json: null, cancellation)).Body
            );
            return ExitCode.Ok;
        }
        if (await RunStart.FollowAsync(client, screen, format, started, noWait, cancellation) is not { } status)
            return ExitCode.Ok;
        RunStart.Show(screen, format, status);
        return RunWaiter.Outcome(status);
    }
}
