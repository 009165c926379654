using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Climate.Import;

/// <summary>A row that was refused.</summary>
/// <param name="Line">Line of the file on which it begins, from 1.</param>
public sealed record RejectedRow(long Line, string Reason, string Content);

/// <summary>What became of a file.</summary>
/// <param name="Rejects">The first hundred; all of the first 10,000 are in <c>climate.import_rejects</c>.</param>
public sealed record ImportReceipt(long ImportId, string Table, string Source, long Accepted, long Rejected, IReadOnlyList<RejectedRow> Rejects);

/// <summary>The file as a whole cannot be read into the table.</summary>
public sealed class ImportRefusedException(string message) : Exception(message);

/// <summary>
/// Imports a CSV file (plain or gzip, header line, UTF-8) into an input table: each row is checked, good rows go in by COPY and replace
/// rows of the same key, bad ones are reported one by one. One transaction: the file is in, or it is not.
/// </summary>
public sealed class CsvImporter(NpgsqlDataSource database)
{
    private const int RejectsStored = 10_000, RejectsReturned = 100, LongestContent = 500;

    /// <param name="table">One of <see cref="InputTables.All"/>.</param>
    /// <param name="content">Read to its end; gzip is recognised by its first bytes.</param>
    /// <param name="source">Where it came from, for the record.</param>
    /// <exception cref="ImportRefusedException">Unknown table or column, or a key column is missing.</exception>
    /// <remarks>Importing the same file twice leaves the same rows.</remarks>
    public async Task<ImportReceipt> ImportAsync(string table, Stream content, string source, CancellationToken cancellationToken = default)
    {
        InputTable target = InputTables.All.GetValueOrDefault(table)
            ?? throw new ImportRefusedException($"Unknown table '{table}'; allowed: {string.Join(", ", InputTables.All.Keys.Order(StringComparer.Ordinal))}.");
        using StreamReader text = new(await DecompressAsync(content, cancellationToken), Encoding.UTF8);
        CsvReader csv = new(text);
        InputColumn[] columns = Header(csv, target);

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, $"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT 0::bigint AS line, {Names(columns)} FROM climate.{target.Name} WITH NO DATA", cancellationToken);
        List<RejectedRow> rejects = [];
        long rejected = await CopyAsync(connection, csv, columns, rejects, cancellationToken);
        rejected += await RejectAsync(connection, UnknownCells(target), rejects, cancellationToken);
        rejected += await RejectAsync(connection, Duplicates(target), rejects, cancellationToken);
        long accepted = await MergeAsync(connection, target, columns, cancellationToken);
        long importId = await RecordAsync(connection, target, source, accepted, rejected, rejects, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new ImportReceipt(importId, target.Name, source, accepted, rejected, [.. rejects.OrderBy(reject => reject.Line).Take(RejectsReturned)]);
    }

    private static async Task<Stream> DecompressAsync(Stream content, CancellationToken cancellationToken)
    {
        BufferedStream buffered = new(content, 1 << 16);
        byte[] magic = new byte[2];
        int read = await buffered.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellationToken);
        Stream whole = new PrefixedStream(magic.AsMemory(0, read), buffered);
        return read == 2 && magic[0] == 0x1f && magic[1] == 0x8b ? new GZipStream(whole, CompressionMode.Decompress) : whole;
    }

    private static InputColumn[] Header(CsvReader csv, InputTable target)
    {
        List<string> names = csv.Read() ?? throw new ImportRefusedException("The file is empty; its first line must name the columns.");
        string[] unknown = [.. names.Where(name => target.Find(name.Trim()) is null)];
        if (unknown.Length > 0) throw new ImportRefusedException($"{target.Name} has no column {string.Join(", ", unknown)}; allowed: {Names(target.Columns)}.");
        string[] missing = [.. target.Columns.Where(column => column.Required && !names.Any(name => target.Find(name.Trim()) == column)).Select(column => column.Name)];
        if (missing.Length > 0) throw new ImportRefusedException($"{target.Name} needs the column(s) {string.Join(", ", missing)}.");
        return [.. names.Select(name => target.Find(name.Trim())!)];
    }

    private static async Task<long> CopyAsync(NpgsqlConnection connection, CsvReader csv, InputColumn[] columns, List<RejectedRow> rejects, CancellationToken cancellationToken)
    {
        long rejected = 0;
        object?[] values = new object?[columns.Length];
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync($"COPY incoming (line, {Names(columns)}) FROM STDIN (FORMAT binary)", cancellationToken);
        while (csv.Read() is { } fields)
        {
            if (Refuse(fields, columns, values) is { } reason)
            {
                rejected++;
                if (rejects.Count < RejectsStored) rejects.Add(new RejectedRow(csv.Line, reason, csv.Raw.Length > LongestContent ? csv.Raw[..LongestContent] : csv.Raw));
                continue;
            }

            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(csv.Line, NpgsqlDbType.Bigint, cancellationToken);
            for (int i = 0; i < columns.Length; i++)
            {
                if (values[i] is { } value) await copy.WriteAsync(value, Type(columns[i].Kind), cancellationToken);
                else await copy.WriteNullAsync(cancellationToken);
            }
        }

        await copy.CompleteAsync(cancellationToken);
        return rejected;
    }

    /// <summary>Fills <paramref name="values"/>, or says why the row cannot be taken.</summary>
    private static string? Refuse(List<string> fields, InputColumn[] columns, object?[] values)
    {
        if (fields.Count != columns.Length) return $"{fields.Count} fields where the header has {columns.Length}";
        for (int i = 0; i < columns.Length; i++)
        {
            string text = fields[i].Trim();
            InputColumn column = columns[i];
            if (text.Length == 0)
            {
                if (column.Required) return $"{column.Name} is blank";
                values[i] = null;
                continue;
            }

            if (column.Kind == ColumnKind.Text && text.Length > column.Longest) return $"{column.Name} has {text.Length} characters, at most {column.Longest} fit";
            if (text.Contains('\0', StringComparison.Ordinal)) return $"{column.Name} holds a NUL character";
            values[i] = Parse(column.Kind, text);
            if (values[i] is null) return $"{column.Name} '{text}' is no {column.Kind.ToString().ToLowerInvariant()}";
            if (column.Allowed is { } allowed && !allowed.Contains(text)) return $"{column.Name} '{text}' is not one of {string.Join(", ", allowed)}";
            if (values[i] is IConvertible number and not string and not DateTime && OutOfRange(column, number.ToDouble(CultureInfo.InvariantCulture)))
            {
                return FormattableString.Invariant($"{column.Name} {text} is out of range {column.Least} to {column.Most}");
            }
        }

        return null;
    }

    private static bool OutOfRange(InputColumn column, double number) => double.IsNaN(number) || number < column.Least || number > column.Most;

    private static object? Parse(ColumnKind kind, string text)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        return kind switch
        {
            ColumnKind.Small => short.TryParse(text, culture, out short value) ? value : null,
            ColumnKind.Integer => int.TryParse(text, culture, out int value) ? value : null,
            ColumnKind.Long => long.TryParse(text, culture, out long value) ? value : null,
            ColumnKind.Real => float.TryParse(text, culture, out float value) && float.IsFinite(value) ? value : null,
            ColumnKind.Double => double.TryParse(text, culture, out double value) && double.IsFinite(value) ? value : null,
            ColumnKind.Decimal => decimal.TryParse(text, culture, out decimal value) ? value : null,
            ColumnKind.Date => Date(text, culture),
            ColumnKind.Timestamp => DateTimeOffset.TryParse(text, culture, DateTimeStyles.AssumeUniversal, out DateTimeOffset value) ? value.ToUniversalTime() : null,
            ColumnKind.Json => IsJson(text) ? text : null,
            _ => text,
        };
    }

    // 2050-07-01, or 2050-07 for a month.
    private static object? Date(string text, CultureInfo culture) =>
        DateOnly.TryParseExact(text, ["yyyy-MM-dd", "yyyy-MM"], culture, DateTimeStyles.None, out DateOnly date) ? date : null;

    private static bool IsJson(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string? UnknownCells(InputTable target) => target.CellsOf is not { } cells ? null : $"""
        DELETE FROM incoming i WHERE NOT EXISTS (SELECT FROM climate.{cells} g WHERE g.grid_id = i.grid_id)
        RETURNING line, 'grid_id ' || grid_id || ' is not in {cells}', ''
        """;

    private static string Duplicates(InputTable target) => $"""
        DELETE FROM incoming i USING (SELECT line, min(line) OVER (PARTITION BY {string.Join(", ", target.Key)}) AS first FROM incoming) d
        WHERE d.line = i.line AND d.first < i.line RETURNING i.line, 'same key as line ' || d.first, ''
        """;

    private static async Task<long> RejectAsync(NpgsqlConnection connection, string? sql, List<RejectedRow> rejects, CancellationToken cancellationToken)
    {
        if (sql is null) return 0;
        long rejected = 0;
        await using NpgsqlCommand command = new(sql, connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rejected++;
            if (rejects.Count < RejectsStored) rejects.Add(new RejectedRow(reader.GetInt64(0), reader.GetString(1), reader.GetString(2)));
        }

        return rejected;
    }

    private static async Task<long> MergeAsync(NpgsqlConnection connection, InputTable target, InputColumn[] columns, CancellationToken cancellationToken)
    {
        string[] others = [.. columns.Select(column => column.Name).Except(target.Key)];
        string update = others.Length == 0 ? "DO NOTHING" : $"DO UPDATE SET {string.Join(", ", others.Select(name => $"{name} = EXCLUDED.{name}"))}";
        await using NpgsqlCommand command = new(
            $"INSERT INTO climate.{target.Name} ({Names(columns)}) SELECT {Names(columns)} FROM incoming ORDER BY {string.Join(", ", target.Key)} ON CONFLICT ({string.Join(", ", target.Key)}) {update}",
            connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await using NpgsqlCommand count = new("SELECT count(*) FROM incoming", connection);
        return (long)(await count.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    private static async Task<long> RecordAsync(
        NpgsqlConnection connection, InputTable target, string source, long accepted, long rejected, List<RejectedRow> rejects, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("""
            WITH import AS (INSERT INTO climate.imports (table_name, source, accepted, rejected) VALUES ($1, $2, $3, $4) RETURNING import_id),
                rows AS (INSERT INTO climate.import_rejects SELECT import_id, line, reason, content FROM import, unnest($5, $6, $7) AS r (line, reason, content))
            SELECT import_id FROM import
            """, connection)
        {
            Parameters =
            {
                new() { Value = target.Name }, new() { Value = source }, new() { Value = accepted }, new() { Value = rejected },
                new() { Value = rejects.Select(reject => reject.Line).ToArray() }, new() { Value = rejects.Select(reject => reject.Reason).ToArray() },
                new() { Value = rejects.Select(reject => reject.Content.Replace("\0", "", StringComparison.Ordinal)).ToArray() },
            },
        };
        return (long)(await command.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    private static string Names(IEnumerable<InputColumn> columns) => string.Join(", ", columns.Select(column => column.Name));

    private static NpgsqlDbType Type(ColumnKind kind) => kind switch
    {
        ColumnKind.Small => NpgsqlDbType.Smallint,
        ColumnKind.Integer => NpgsqlDbType.Integer,
        ColumnKind.Long => NpgsqlDbType.Bigint,
        ColumnKind.Real => NpgsqlDbType.Real,
        ColumnKind.Double => NpgsqlDbType.Double,
        ColumnKind.Decimal => NpgsqlDbType.Numeric,
        ColumnKind.Date => NpgsqlDbType.Date,
        ColumnKind.Timestamp => NpgsqlDbType.TimestampTz,
        ColumnKind.Json => NpgsqlDbType.Jsonb,
        _ => NpgsqlDbType.Text,
    };

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
