using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace Durable.Pipelines.Climate.Import;

/// <summary>
/// Comma-separated records (RFC 4180), blank lines left out. A quoted field may span lines, but a multi-line record is accepted only when
/// it is valid: otherwise <see cref="KeepFirstLine"/> refuses its first line alone, so that a stray quote costs one row, not the following
/// ones.
/// </summary>
internal sealed class CsvRecords(ImportLines lines, ImportLimits limits)
{
    private const int MostLines = 100;

    private static readonly CsvConfiguration Format = new(CultureInfo.InvariantCulture)
    {
        Delimiter = ",",
        Mode = CsvMode.RFC4180,
        HasHeaderRecord = false,
        BufferSize = 1024,
        ProcessFieldBufferSize = 256,
    };

    private readonly LinkedList<string> again = [];
    private readonly List<string> following = [];
    private long taken;

    /// <summary>Line on which the record starts, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The record as delivered.</summary>
    public string Raw { get; private set; } = "";

    public string[] Fields { get; private set; } = [];

    /// <summary>Position of the field with wrong quotes; null when all are right.</summary>
    public int? BadField { get; private set; }

    public bool SpansLines => following.Count > 0;

    /// <summary>Reads the next record; false at the end.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        following.Clear();
        do
        {
            if (await TakeAsync(cancellationToken) is not { } line)
                return false;
            Raw = line;
        } while (string.IsNullOrWhiteSpace(Raw));

        Line = taken;
        BadField = null;
        if (!Raw.Contains('"', StringComparison.Ordinal))
        {
            Fields = Raw.Split(',');
            return true;
        }

        if (await CompleteAsync(cancellationToken))
            Parse();
        else
            KeepFirstLine();
        return true;
    }

    /// <summary>Reduces the record to its first line; the others are read again as separate rows.</summary>
    public void KeepFirstLine()
    {
        if (following.Count > 0)
            Raw = Raw[..Raw.IndexOf('\n', StringComparison.Ordinal)];
        for (int at = following.Count - 1; at >= 0; at--)
            again.AddFirst(following[at]);
        taken -= following.Count;
        following.Clear();
        Parse();
        if (BadField is null && OpensQuote(Raw, false))
            BadField = Fields.Length - 1;
    }

    // Joins lines for as long as a quote is open. False when none closes it within reason.
    private async ValueTask<bool> CompleteAsync(CancellationToken cancellationToken)
    {
        bool open = OpensQuote(Raw, false);
        if (!open)
            return true;
        StringBuilder record = new(Raw);
        while (open)
        {
            if (
                following.Count == MostLines - 1
                || record.Length > limits.RowCharacters
                || await TakeAsync(cancellationToken) is not { } line
            )
                break;
            following.Add(line);
            record.Append('\n').Append(line);
            open = OpensQuote(line, true);
        }

        Raw = record.ToString();
        return !open;
    }

    private async ValueTask<string?> TakeAsync(CancellationToken cancellationToken)
    {
        string? line;
        if (again.First is { } first)
        {
            line = first.Value;
            again.RemoveFirst();
        }
        else
        {
            line = await lines.ReadAsync(cancellationToken);
        }

        if (line is not null)
            taken++;
        return line;
    }

    // A quote opens a field only at its start; inside, two are a quote and one ends it.
    private static bool OpensQuote(string line, bool open)
    {
        bool begins = !open;
        for (int at = 0; at < line.Length; at++)
        {
            char next = line[at];
            if (open)
            {
                if (next != '"')
                    continue;
                if (at + 1 < line.Length && line[at + 1] == '"')
                    at++;
                else
                    open = false;
            }
            else if (next == '"' && begins)
            {
                open = true;
            }

            begins = !open && next == ',';
        }

        return open;
    }

    private void Parse()
    {
        bool bad = false;
        using CsvParser parser = new(new StringReader(Raw), Format with { BadDataFound = _ => bad = true });
        if (!parser.Read())
        {
            (Fields, BadField) = ([Raw], 0);
            return;
        }

        string[] fields = new string[parser.Count];
        BadField = null;
        for (int at = 0; at < fields.Length; at++)
        {
            fields[at] = parser[at];
            if (bad)
                BadField ??= at;
        }

        Fields = fields;
    }
}
