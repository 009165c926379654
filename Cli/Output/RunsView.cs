using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>Rows of the run ledger as a table: the main columns; the rest with <c>--wide</c> or for one instance.</summary>
internal static class RunsView
{
    private const int MostRows = 20;

    /// <summary>Writes <paramref name="runs"/>, newest first as they came.</summary>
    public static void Write(Screen screen, JsonArray runs) =>
        Tables.Write(
            screen,
            [
                new Column("instance", 0, 24),
                new("state", 0),
                new("done", 0),
                new("failed", 1),
                new("rows", 2),
                new("started", 0),
                new("took", 1),
                new("kind", 4),
                new("version", 5),
                new("parameters", 6, 20),
                new("error", 3, 24),
            ],
            runs.Select(run =>
                (IReadOnlyList<string>)
                    [
                        run.Text("instanceId"),
                        run.Text("state"),
                        string.Create(CultureInfo.InvariantCulture, $"{run.Number("completed")}/{run.Number("total")}"),
                        run.Text("failed"),
                        (run.Number("rowsWritten") ?? 0).ToString("N0", CultureInfo.InvariantCulture),
                        Cells.Of(screen, run, "startedAt"),
                        Took(run),
                        run.Text("kind"),
                        Version(screen, run.Text("codeVersion")),
                        Cells.Of(screen, run, "parameters"),
                        run.Text("error"),
                    ]
            )
        );

    /// <summary>The runs of one instance, then the gates and partitions of the newest: failed ones first, at most twenty.</summary>
    public static void WriteOne(Screen screen, JsonNode? instance)
    {
        Write(screen, instance.Field("runs") as JsonArray ?? []);
        WriteFirst(screen, "gates", instance.Field("gates") as JsonArray ?? []);
        WriteFirst(screen, "partitions", instance.Field("partitions") as JsonArray ?? []);
    }

    private static void WriteFirst(Screen screen, string title, JsonArray rows)
    {
        screen.Out.WriteLine();
        screen.Out.WriteLine($"{title}:");
        JsonView.Write(
            screen,
            OutputFormat.Table,
            new JsonArray([.. rows.Take(screen.Wide ? rows.Count : MostRows).Select(row => row?.DeepClone())])
        );
        if (rows.Count > MostRows && !screen.Wide)
            screen.Out.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"... and {rows.Count - MostRows} more {title}; --wide shows all.")
            );
    }

    private static string Took(JsonNode? run) =>
        DateTimeOffset.TryParse(run.Text("startedAt"), CultureInfo.InvariantCulture, out DateTimeOffset from)
        && DateTimeOffset.TryParse(run.Text("finishedAt"), CultureInfo.InvariantCulture, out DateTimeOffset to)
            ? Cells.Length(to - from)
            : string.Empty;

    // 0.1.0+0123456789abcdef... → 0.1.0+01234567
    private static string Version(Screen screen, string version) =>
        screen.Wide || version.Split('+') is not [string number, { Length: > 8 } commit] ? version : $"{number}+{commit[..8]}";
}
