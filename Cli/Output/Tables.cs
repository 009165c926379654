using System.Globalization;
using Spectre.Console;

namespace Durable.Cli.Output;

/// <summary>A column of a table.</summary>
/// <param name="Heading">Its name.</param>
/// <param name="Rank">Order of dropping when space runs out: the highest first, of equals the rightmost. 0 stays.</param>
/// <param name="Least">Cells may be cut to this many letters before a column goes; 0: never cut.</param>
internal sealed record Column(string Heading, int Rank = 1, int Least = 0);

/// <summary>Columns with headings, no wider than the screen: long cells are cut, then columns dropped and named.</summary>
internal static class Tables
{
    private const int LeastOfKey = 32,
        LeastOfText = 16;

    /// <summary>Writes <paramref name="rows"/> under <paramref name="headings"/>: the first column stays, the last go first.</summary>
    public static void Write(Screen screen, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows) =>
        Write(screen, [.. headings.Select((heading, i) => new Column(heading, i, i == 0 ? LeastOfKey : LeastOfText))], rows);

    /// <summary>Writes <paramref name="rows"/> under <paramref name="columns"/>; without a terminal as plain columns, no lines, no
    /// colours.</summary>
    public static void Write(Screen screen, IReadOnlyList<Column> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> all = [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Select(OneLine)])];
        (List<int> shown, int[] widths) = Fit(screen, columns, all);
        List<IReadOnlyList<string>> fitted = [.. all.Select(row => (IReadOnlyList<string>)[.. shown.Select(c => Cut(row[c], widths[c]))])];
        bool[] numbers =
        [
            .. shown.Select(c => all.Count > 0 && all.TrueForAll(row => IsNumber(row[c])) && all.Exists(row => row[c].Length > 0)),
        ];
        List<string> headings = [.. shown.Select(c => Cut(columns[c].Heading, widths[c]))];
        if (screen.Interactive)
            WriteBox(screen, headings, numbers, fitted);
        else
            WritePlain(screen.Out, headings, numbers, fitted);
        if (shown.Count < columns.Count)
        {
            IEnumerable<string> hidden = columns.Where((_, i) => !shown.Contains(i)).Select(c => c.Heading);
            screen.Say($"Not shown for lack of room: {string.Join(", ", hidden)}. --wide shows all.");
        }
    }

    private static (List<int> Shown, int[] Widths) Fit(Screen screen, IReadOnlyList<Column> columns, List<IReadOnlyList<string>> rows)
    {
        int[] natural = [.. columns.Select((column, i) => rows.Select(row => row[i].Length).Append(column.Heading.Length).Max())];
        List<int> shown = [.. Enumerable.Range(0, columns.Count)];
        if (screen.Wide)
            return (shown, natural);

        int[] least =
        [
            .. columns.Select(
                (column, i) => column.Least > 0 ? Math.Min(natural[i], Math.Max(column.Least, column.Heading.Length)) : natural[i]
            ),
        ];
        while (shown.Count > 1 && Total(screen, shown, least) > screen.Width)
        {
            int goes = shown
                .Where(i => columns[i].Rank > 0)
                .OrderByDescending(i => columns[i].Rank)
                .ThenByDescending(i => i)
                .FirstOrDefault(-1);
            if (goes < 0)
                break;
            shown.Remove(goes);
        }

        // Remaining space goes to the columns that need the least more.
        int[] widths = [.. least];
        int room = screen.Width - Total(screen, shown, widths);
        List<int> wanting = [.. shown.Where(i => natural[i] > widths[i]).OrderBy(i => natural[i] - widths[i])];
        for (int n = 0; n < wanting.Count && room > 0; n++)
        {
            int more = Math.Min(natural[wanting[n]] - widths[wanting[n]], room / (wanting.Count - n));
            widths[wanting[n]] += more;
            room -= more;
        }
        return (shown, widths);
    }

    private static int Total(Screen screen, List<int> shown, int[] widths) =>
        shown.Sum(i => widths[i]) + (screen.Interactive ? 3 * shown.Count + 1 : 2 * (shown.Count - 1));

    private static void WriteBox(Screen screen, List<string> headings, bool[] numbers, List<IReadOnlyList<string>> rows)
    {
        Style bold = screen.Colours ? new Style(decoration: Decoration.Bold) : Style.Plain;
        Table table = new Table().Border(TableBorder.Rounded);
        for (int i = 0; i < headings.Count; i++)
        {
            TableColumn column = new TableColumn(new Text(headings[i], bold)).NoWrap();
            table.AddColumn(numbers[i] ? column.RightAligned() : column);
        }
        foreach (IReadOnlyList<string> row in rows)
            table.AddRow(row.Select(cell => new Text(cell)));
        screen.Spectre().Write(table);
    }

    private static void WritePlain(TextWriter output, List<string> headings, bool[] numbers, List<IReadOnlyList<string>> rows)
    {
        int[] widths = [.. headings.Select((heading, i) => rows.Select(row => row[i].Length).Append(heading.Length).Max())];
        foreach (IReadOnlyList<string> row in rows.Prepend(headings))
            output.WriteLine(
                string.Join("  ", row.Select((cell, i) => numbers[i] ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd()
            );
    }

    private static string Cut(string cell, int width) =>
        cell.Length <= width ? cell
        : width < 4 ? cell[..width]
        : cell[..(width - 1)] + "…";

    private static string OneLine(string cell) =>
        cell.AsSpan().IndexOfAny('\n', '\r', '\t') < 0
            ? cell
            : string.Join(' ', cell.Split((char[])['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries));

    private static bool IsNumber(string cell) =>
        cell.Length == 0
        || double.TryParse(cell.TrimEnd('%', ' '), NumberStyles.Float | NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out _);
}
