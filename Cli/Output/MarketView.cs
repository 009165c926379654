using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>Rows of the spot market: type, zone and price stay at any width.</summary>
internal static class MarketView
{
    private static readonly Column[] Columns =
    [
        new("type", 0),
        new("region", 4),
        new("zone", 0),
        new("score", 1),
        new("interruption", 2),
        new("spot price", 0),
        new("on demand", 1),
        new("since", 3),
        new("t3", 6),
        new("t2", 6),
        new("ceased", 5),
    ];

    /// <summary>Writes the rows in the order they came.</summary>
    /// <param name="slot">The newest slot; empty when irrelevant.</param>
    public static void Write(Screen screen, string slot, JsonArray rows)
    {
        if (slot.Length > 0)
            screen.Out.WriteLine($"Slot {slot}:");
        Tables.Write(
            screen,
            Columns,
            rows.Select(row =>
                (IReadOnlyList<string>)
                    [
                        row.Text("instanceType"),
                        row.Text("region"),
                        row.Text("zone"),
                        row.Text("score"),
                        Cells.Of(screen, row, "interruption"),
                        Cells.Of(screen, row, "spotPrice"),
                        Cells.Of(screen, row, "onDemandPrice"),
                        row.Text("at"),
                        row.Text("t3"),
                        row.Text("t2"),
                        row.Text("ceased") == "true" ? "ceased" : "",
                    ]
            )
        );
    }
}
