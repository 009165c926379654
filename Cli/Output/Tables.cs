using Spectre.Console;

namespace Durable.Cli.Output;

/// <summary>Columns with a heading.</summary>
internal static class Tables
{
    /// <summary>Writes <paramref name="rows"/> under <paramref name="headings"/>; without a terminal as plain columns, no lines, no colours.</summary>
    public static void Write(Screen screen, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> all = [.. rows];
        if (!screen.Interactive)
        {
            WritePlain(screen.Out, [headings, .. all]);
            return;
        }
        Table table = new Table().Border(TableBorder.Rounded);
        for (int column = 0; column < headings.Count; column++)
        {
            TableColumn heading = new(new Text(headings[column], new Style(decoration: Decoration.Bold)));
            int index = column;
            if (all.Count > 0 && all.TrueForAll(r => IsNumber(r[index])))
                heading.RightAligned();
            table.AddColumn(heading);
        }
        foreach (IReadOnlyList<string> row in all)
            table.AddRow(row.Select(cell => new Text(cell)));
        screen.Spectre().Write(table);
    }

    private static void WritePlain(TextWriter output, List<IReadOnlyList<string>> rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Count).Select(column => rows.Max(r => r[column].Length))];
        foreach (IReadOnlyList<string> row in rows)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    private static bool IsNumber(string cell) =>
        cell.Length == 0 || double.TryParse(cell.TrimEnd('%', ' '), System.Globalization.CultureInfo.InvariantCulture, out _);
}
