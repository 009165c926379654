using System.Text;

namespace Durable.Pipelines.Climate.Import;

/// <summary>Reads comma-separated records: quotes, doubled quotes, line breaks inside quotes, CRLF or LF, an optional byte order mark.</summary>
internal sealed class CsvReader(TextReader reader)
{
    private readonly StringBuilder field = new();
    private readonly StringBuilder raw = new();

    /// <summary>Line on which the last record began, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The last record as it was written, for reports.</summary>
    public string Raw => raw.ToString();

    private long nextLine = 1;

    /// <summary>The next record, blank lines left out; null at the end.</summary>
    public List<string>? Read()
    {
        while (reader.Peek() is '\r' or '\n') Skip();
        if (reader.Peek() < 0) return null;

        Line = nextLine;
        raw.Clear();
        List<string> fields = [];
        bool quoted = false;
        field.Clear();
        for (int next = Take(); ; next = Take())
        {
            if (next < 0 || (!quoted && next is ('\r' or '\n')))
            {
                fields.Add(field.ToString());
                if (next == '\r' && reader.Peek() == '\n') reader.Read();
                if (next >= 0) nextLine++;
                if (next is '\r' or '\n') raw.Length--;
                return fields;
            }

            if (quoted && next == '\n') nextLine++;
            if (quoted && next == '"' && reader.Peek() == '"') field.Append((char)Take());
            else if (next == '"') quoted = !quoted;
            else if (next == ',' && !quoted) Next(fields);
            else field.Append((char)next);
        }
    }

    private void Next(List<string> fields)
    {
        fields.Add(field.ToString());
        field.Clear();
    }

    private int Take()
    {
        int next = reader.Read();
        if (next >= 0) raw.Append((char)next);
        return next;
    }

    private void Skip()
    {
        if (reader.Read() == '\n') nextLine++;
    }
}
