using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable leases …</c>: paid machines with holder, deadline and cost.</summary>
internal static class LeaseCommands
{
    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("leases", "Shows the leases of paid machines.") { List(connection, screen) };

    private static Command List(Connection connection, Screen screen)
    {
        Option<string?> state = new("--state") { Description = "Which leases, such as overdue" };
        Option<string?> cluster = new("--cluster") { Description = "Only this cluster" };
        Option<long?> top = Options.Number("--top", "Leases on a page");
        Option<string?> before = new("--before") { Description = "Next page: the number at the end of the last one" };
        Option<bool> all = new("--all") { Description = "All pages" };
        Command command = new("list", "Lists leases, newest first, a page at a time. " + OptionsCommand.Hint("operations/leases"))
        {
            state,
            cluster,
            top,
            before,
            all,
        };
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonArray found = [];
                string? next = parsed.GetValue(before);
                do
                {
                    JsonNode? page = (
                        await client.CallAsync(
                            HttpMethod.Get,
                            "operations/leases"
                                + Query(
                                    ("state", parsed.GetValue(state)),
                                    ("cluster", parsed.GetValue(cluster)),
                                    ("top", parsed.GetValue(top)?.ToString(CultureInfo.InvariantCulture)),
                                    ("before", next)
                                ),
                            json: null,
                            cancellation
                        )
                    ).Body;
                    foreach (JsonNode? lease in page.Field("leases") as JsonArray ?? [])
                        found.Add(lease?.DeepClone());
                    next = page.Text("before");
                } while (next.Length > 0 && parsed.GetValue(all));

                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, found);
                else
                    Tables.Write(
                        screen,
                        [
                            new Column("run", 0, 30),
                            new("state", 0),
                            new("machines", 1, 12),
                            new("USD", 0),
                            new("seconds", 3),
                            new("deadline", 2),
                            new("cluster", 4, 10),
                            new("closed by", 5),
                        ],
                        found.Select(lease => Row(screen, lease))
                    );
                if (next.Length > 0)
                    screen.Say($"There are more: add --before {next}, or --all.");
                return ExitCode.Ok;
            }
        );
    }

    private static IReadOnlyList<string> Row(Screen screen, JsonNode? lease) =>
        [
            lease.Text("runId"),
            lease.Text("overdue") == "true" ? $"{lease.Text("state")}, overdue" : lease.Text("state"),
            Machines(screen, lease.Field("machines") as JsonArray ?? []),
            lease.Text("costUsd"),
            lease.Text("secondsBilled"),
            Cells.Of(screen, lease, "deadline"),
            lease.Text("cluster"),
            lease.Text("closedBy"),
        ];

    // Machines per state; with --wide, their ids.
    private static string Machines(Screen screen, JsonArray machines) =>
        screen.Wide
            ? string.Join(' ', machines.Select(machine => $"{machine.Text("id")}:{machine.Text("state")}"))
            : string.Join(", ", machines.GroupBy(machine => machine.Text("state")).Select(state => $"{state.Count()} {state.Key}"));

    private static string Query(params IEnumerable<(string Name, string? Value)> parameters) =>
        "?" + string.Join('&', parameters.Where(p => p.Value is { Length: > 0 }).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}"));
}
