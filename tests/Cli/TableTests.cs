using Durable.Cli.Output;

namespace Durable.Tests.Cli;

public sealed class TableTests
{
    private static readonly Column[] Columns = [new("instance", 0, 10), new("name", 3, 8), new("status"), new("note", 2)];
    private static readonly string[] Row = ["climate-backfill-1d90f5b43f80", "ClimateBackfill", "Running", "written by the yearly timer"];

    [Theory]
    [InlineData(100, "climate-backfill-1d90f5b43f80  ClimateBackfill  Running  written by the yearly timer", "")]
    [InlineData(70, "climate-backfil…  ClimateBackfi…  Running  written by the yearly timer", "")]
    [InlineData(50, "climate-bac…  Running  written by the yearly timer", "Not shown for lack of room: name. --wide shows all.")]
    [InlineData(40, "climate-backfill-1d90f5b43f80  Running", "Not shown for lack of room: name, note. --wide shows all.")]
    [InlineData(20, "climate-ba…  Running", "Not shown for lack of room: name, note. --wide shows all.")]
    public void Columns_of_less_use_go_first_and_long_cells_are_cut(int width, string line, string said)
    {
        using StringWriter output = new(),
            error = new();

        Tables.Write(new Screen(output, error, Interactive: false) { Width = width }, Columns, [Row]);

        Assert.Equal(line, output.ToString().Split('\n')[1]);
        Assert.Equal(said, error.ToString().TrimEnd());
        Assert.All(output.ToString().Split('\n'), l => Assert.InRange(l.Length, 0, width));
    }

    [Fact]
    public void Wide_shows_all()
    {
        using StringWriter output = new(),
            error = new();

        Tables.Write(new Screen(output, error, Interactive: false) { Width = 20, Wide = true }, Columns, [Row]);

        Assert.EndsWith("written by the yearly timer", output.ToString().TrimEnd(), StringComparison.Ordinal);
        Assert.Empty(error.ToString());
    }

    [Fact]
    public void Line_breaks_in_a_cell_do_not_break_the_table()
    {
        using StringWriter output = new();

        Tables.Write(
            new Screen(output, TextWriter.Null, Interactive: false),
            ["key", "error"],
            [
                ["a", "first line\n   second"],
            ]
        );

        Assert.Equal("key  error\na    first line    second\n", output.ToString());
    }

    [Theory]
    [InlineData("[2021,2022,2023,2030,2031,2040]", "2021-2023, 2030, 2031, 2040")]
    [InlineData("""["SSP126","SSP245"]""", "SSP126, SSP245")]
    [InlineData("""["a","b","c","d","e","f"]""", "a, b, c, d, ... (6)")]
    [InlineData("\"0123456789abcdef0123456789abcdef01234567\"", "0123456789ab")]
    [InlineData("""{"startYear":2021,"scenarios":[],"box":null,"force":true}""", "start year 2021, force true")]
    [InlineData("\"2026-11-26T09:30:15.123Z\"", "09:30:15")]
    [InlineData("\"2026-02-03T09:30:15Z\"", "02-03 09:30")]
    [InlineData("\"2025-02-03T09:30:15Z\"", "2025-02-03")]
    [InlineData("\"2026-02-03\"", "2026-02-03")]
    public void A_cell_is_short(string json, string expected) =>
        Assert.Equal(
            expected,
            Cells.Of(
                new Screen(TextWriter.Null, TextWriter.Null, false) { Clock = new CliCall.Noon() },
                System.Text.Json.Nodes.JsonNode.Parse(json)
            )
        );
}
