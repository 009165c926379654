using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Climate.Import;

/// <summary>
/// Imports a CSV file (plain or gzip, header line, UTF-8 or EUC-KR/CP949) into an input table. Good rows go in by COPY and replace rows
/// with the same key; bad rows are reported one by one. One transaction: all or nothing.
/// </summary>
public sealed class CsvImporter(NpgsqlDataSource database, ImportLimits limits)
{
    private const int RejectsStored = 10_000,
        RejectsReturned = 100,
        LongestContent = 500,
        LongestValue = 100,
        LongestSource = 200;

    /// <param name="table">One of <see cref="InputTables.All"/>.</param>
    /// <param name="content">Read to its end, asynchronously; gzip is recognised by its first bytes.</param>
    /// <param name="source">Source, for the record.</param>
    /// <exception cref="ImportRefusedException">Unknown table or column, a key column is missing, another format, a damaged
    /// archive.</exception>
    /// <exception cref="ImportTooLargeException">The file exceeds a limit.</exception>
    /// <remarks>Importing the same file twice leaves the same rows.</remarks>
    public async Task<ImportReceipt> ImportAsync(string table, Stream content, string source, CancellationToken cancellationToken = default)
    {
        InputTable target =
            InputTables.All.GetValueOrDefault(table)
            ?? throw new ImportRefusedException(
                $"Unknown table '{Cut(table, LongestValue)}'; allowed: "
                    + $"{string.Join(", ", InputTables.All.Keys.Order(StringComparer.Ordinal))}."
            );
        if (source.Length > LongestSource || source.Any(char.IsControl))
            throw new ImportRefusedException(
                $"The source has {source.Length} characters, or control characters among them; write at most {LongestSource}, on one line."
            );
        ImportLines lines = new(await ImportContent.OpenAsync(content, limits, cancellationToken), limits);
        CsvRecords csv = new(lines, limits);
        InputColumn[] columns = await ReadHeaderAsync(csv, target, cancellationToken);

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(
            connection,
            $"""
            CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT 0::bigint AS line, {Names(columns)} FROM climate.{target.Name} WITH NO DATA
            """,
            cancellationToken
        );
        List<RejectedRow> rejects = [];
        long rejected = await CopyAsync(connection, csv, target, columns, rejects, cancellationToken);
        try
        {
            foreach (string check in Checks(target, columns))
                rejected += await RejectAsync(connection, check, rejects, cancellationToken);
            long accepted = await MergeAsync(connection, target, columns, cancellationToken);
            rejects.Sort((one, other) => one.Line.CompareTo(other.Line));
            long importId = await RecordAsync(
                connection,
                target,
                source,
                lines.EncodingName,
                accepted,
                rejected,
                rejects,
                cancellationToken
            );
            await transaction.CommitAsync(cancellationToken);
            return new ImportReceipt(
                importId,
                target.Name,
                source,
                lines.EncodingName,
                accepted,
                rejected,
                [.. rejects.Take(RejectsReturned)]
            );
        }
        catch (PostgresException error)
            when (error.SqlState.StartsWith("22", StringComparison.Ordinal) || error.SqlState.StartsWith("23", StringComparison.Ordinal))
        {
            throw new ImportRefusedException(
                $"{target.Name} cannot hold these rows: {error.MessageText}. {error.Detail} Nothing was imported.",
                error
            );
        }
    }

    private static async Task<InputColumn[]> ReadHeaderAsync(CsvRecords csv, InputTable target, CancellationToken cancellationToken)
    {
        if (!await csv.ReadAsync(cancellationToken))
            throw new ImportRefusedException("The file is empty; its first line must name the columns.");
        if (csv.BadField is not null)
            throw new ImportRefusedException($"The quotes of the header are wrong: {Cut(csv.Raw, LongestContent)}");
        string[] names = [.. csv.Fields.Select(name => name.Trim())];
        int[] blank = [.. names.Index().Where(name => name.Item.Length == 0).Select(name => name.Index + 1)];
        if (blank.Length > 0)
        {
            throw new ImportRefusedException(
                $"The header has no name for column {string.Join(", ", blank.Take(10))} of {names.Length}; "
                    + $"remove the comma too many, or name the column. Allowed: {Names(target.Columns)}."
            );
        }

        string[] unknown = [.. names.Where(name => target.Find(name) is null)];
        if (unknown.Length > 0)
            throw new ImportRefusedException(
                $"{target.Name} has no column {Cut(string.Join(", ", unknown.Take(10)), LongestContent)}; allowed: {Names(target.Columns)}."
            );
        string[] twice =
        [
            .. names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1).Select(same => same.Key),
        ];
        if (twice.Length > 0)
            throw new ImportRefusedException($"The header names {string.Join(", ", twice)} more than once; which one counts?");
        string[] missing =
        [
            .. target
                .Columns.Where(column => column.Required && !names.Contains(column.Name, StringComparer.OrdinalIgnoreCase))
                .Select(column => column.Name),
        ];
        return missing.Length == 0
            ? [.. names.Select(name => target.Find(name)!)]
            : throw new ImportRefusedException($"{target.Name} needs the column(s) {string.Join(", ", missing)}.");
    }

    private async Task<long> CopyAsync(
        NpgsqlConnection connection,
        CsvRecords csv,
        InputTable target,
        InputColumn[] columns,
        List<RejectedRow> rejects,
        CancellationToken cancellationToken
    )
    {
        long rejected = 0,
            rows = 0;
        object?[] values = new object?[columns.Length];
        NpgsqlDbType[] types = [.. columns.Select(column => Type(column.Kind))];
        int[] calendar = target.HasCalendarDay
            ? [.. ((string[])["year", "month", "day"]).Select(name => Array.FindIndex(columns, column => column.Name == name))]
            : [];
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            $"COPY incoming (line, {Names(columns)}) FROM STDIN (FORMAT binary)",
            cancellationToken
        );
        while (await csv.ReadAsync(cancellationToken))
        {
            if (++rows > limits.Rows)
                throw new ImportTooLargeException(
                    $"The file has more than {limits.Rows:N0} rows. Split it, or raise ClimateImport__Rows; nothing was imported."
                );
            Refusal? refusal = Read(csv, columns, calendar, values);
            if (refusal is not null && csv.SpansLines)
            {
                csv.KeepFirstLine();
                refusal = Read(csv, columns, calendar, values);
            }

            if (refusal is not null)
            {
                rejected++;
                Add(rejects, csv.Line, refusal, csv.Raw);
                continue;
            }

            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(csv.Line, NpgsqlDbType.Bigint, cancellationToken);
            for (int i = 0; i < columns.Length; i++)
            {
                if (values[i] is { } value)
                    await copy.WriteAsync(value, types[i], cancellationToken);
                else
                    await copy.WriteNullAsync(cancellationToken);
            }
        }

        await copy.CompleteAsync(cancellationToken);
        return rejected;
    }

    /// <summary>Fills <paramref name="values"/>, or returns why the row is refused.</summary>
    private static Refusal? Read(CsvRecords csv, InputColumn[] columns, int[] calendar, object?[] values)
    {
        string[] fields = csv.Fields;
        if (csv.BadField is { } bad)
        {
            return new(
                bad < columns.Length ? columns[bad].Name : "",
                fields[bad],
                "has a stray or unclosed quote",
                "Put quotes around the whole field and double those inside, as in \"a \"\"b\"\"\", or remove them."
            );
        }

        if (fields.Length != columns.Length)
        {
            return new(
                "",
                "",
                $"has {fields.Length} fields where the header has {columns.Length}",
                fields.Length > columns.Length
                    ? "Put quotes around a field that holds a comma; write numbers with a decimal point."
                    : "Write a comma for each blank field too."
            );
        }

        for (int i = 0; i < columns.Length; i++)
        {
            if (FieldReader.Read(columns[i], fields[i], out values[i]) is { } refusal)
                return refusal;
        }

        if (calendar.Length == 0)
            return null;
        (short year, short month, short day) = ((short)values[calendar[0]]!, (short)values[calendar[1]]!, (short)values[calendar[2]]!);
        return day <= DateTime.DaysInMonth(year, month)
            ? null
            : new(
                "day",
                FormattableString.Invariant($"{day}"),
                FormattableString.Invariant($"is not a day of {year}-{month:00}"),
                $"That month has {DateTime.DaysInMonth(year, month)} days."
            );
    }

    private static void Add(List<RejectedRow> rejects, long line, Refusal refusal, string content)
    {
        if (rejects.Count < RejectsStored)
            rejects.Add(
                new RejectedRow(
                    line,
                    refusal.Column,
                    Cut(refusal.Value, LongestValue),
                    refusal.Reason,
                    refusal.Remedy,
                    Cut(content, LongestContent)
                )
            );
    }

    // Not in the middle of a surrogate pair: half a character is not valid text.
    private static string Cut(string text, int longest) =>
        text.Length <= longest ? text : text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)];

    // Each deletes the rows it refuses, and returns line, column, value, reason, remedy, content.
    private static IEnumerable<string> Checks(InputTable target, InputColumn[] columns)
    {
        string content = $"array_to_string(ARRAY[{string.Join(", ", columns.Select(column => $"i.{column.Name}::text"))}], ',', '')";
        if (target.CellsOf is { } cells)
        {
            yield return $"""
                DELETE FROM incoming i WHERE NOT EXISTS (SELECT FROM climate.{cells} g WHERE g.grid_id = i.grid_id)
                RETURNING line, 'grid_id', grid_id::text, 'is not in {cells}', 'Import {cells} first, or correct the number.', {content}
                """;
        }

        yield return Twice(target.Key, "One row for each key; this one was left out.", content);
        if (target.AlsoUnique is not { } unique)
            yield break;
        yield return Twice(unique, "Two cells cannot lie on one place; this one was left out.", content);
        string same = string.Join(" AND ", unique.Select(name => $"t.{name} = i.{name}")),
            other = string.Join(" AND ", target.Key.Select(name => $"t.{name} = i.{name}"));
        yield return $"""
            DELETE FROM incoming i USING climate.{target.Name} t WHERE {same} AND NOT ({other})
            RETURNING i.line, '{string.Join(", ", unique)}', {Values(unique)}, 'belongs to {target.Key[0]} ' || t.{target.Key[
                0
            ]}, 'Correct the number or the place.', {content}
            """;
    }

    private static string Twice(IReadOnlyList<string> key, string remedy, string content) =>
        $"""
            DELETE FROM incoming i USING (SELECT line, min(line) OVER (PARTITION BY {string.Join(", ", key)}) AS first FROM incoming) d
            WHERE d.line = i.line AND d.first < i.line RETURNING i.line, '{string.Join(", ", key)}', {Values(
                key
            )}, 'is the same as on line ' || d.first, '{remedy}', {content}
            """;

    private static string Values(IReadOnlyList<string> names) => $"concat_ws(', ', {string.Join(", ", names.Select(name => $"i.{name}"))})";

    private static async Task<long> RejectAsync(
        NpgsqlConnection connection,
        string sql,
        List<RejectedRow> rejects,
        CancellationToken cancellationToken
    )
    {
        long rejected = 0;
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rejected++;
            Add(
                rejects,
                reader.GetInt64(0),
                new Refusal(reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4)),
                reader.GetString(5)
            );
        }

        return rejected;
    }

    private static async Task<long> MergeAsync(
        NpgsqlConnection connection,
        InputTable target,
        InputColumn[] columns,
        CancellationToken cancellationToken
    )
    {
        string[] others = [.. columns.Select(column => column.Name).Except(target.Key)];
        string update =
            others.Length == 0 ? "DO NOTHING" : $"DO UPDATE SET {string.Join(", ", others.Select(name => $"{name} = EXCLUDED.{name}"))}";
        await using NpgsqlCommand command = new(
            $"INSERT INTO climate.{target.Name} ({Names(columns)}) SELECT {Names(columns)} FROM incoming ORDER BY "
                + $"{string.Join(", ", target.Key)} ON CONFLICT ({string.Join(", ", target.Key)}) {update}",
            connection
        )
        {
            CommandTimeout = 0,
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
        await using NpgsqlCommand count = new("SELECT count(*) FROM incoming", connection) { CommandTimeout = 0 };
        return (long)(await count.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    private static async Task<long> RecordAsync(
        NpgsqlConnection connection,
        InputTable target,
        string source,
        string encoding,
        long accepted,
        long rejected,
        List<RejectedRow> rejects,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            WITH import AS (INSERT INTO climate.imports (table_name, source, encoding, accepted, rejected)
                VALUES ($1, $2, $3, $4, $5) RETURNING import_id),
                rows AS (INSERT INTO climate.import_rejects (import_id, line, column_name, value, reason, remedy, content)
                    SELECT import_id, r.* FROM import, unnest($6, $7, $8, $9, $10, $11) AS r)
            SELECT import_id FROM import
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = target.Name },
                new() { Value = source },
                new() { Value = encoding },
                new() { Value = accepted },
                new() { Value = rejected },
            },
        };
        command.Parameters.Add(new() { Value = rejects.Select(reject => reject.Line).ToArray() });
        foreach (
            Func<RejectedRow, string> part in (Func<RejectedRow, string>[])
                [row => row.Column, row => row.Value, row => row.Reason, row => row.Remedy, row => row.Content]
        )
        {
            command.Parameters.Add(new() { Value = rejects.Select(row => part(row).Replace('\0', ' ')).ToArray() });
        }

        return (long)(await command.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    private static string Names(IEnumerable<InputColumn> columns) => string.Join(", ", columns.Select(column => column.Name));

    private static NpgsqlDbType Type(ColumnKind kind) =>
        kind switch
        {
            ColumnKind.Small => NpgsqlDbType.Smallint,
            ColumnKind.Integer => NpgsqlDbType.Integer,
            ColumnKind.Long => NpgsqlDbType.Bigint,
            ColumnKind.Real => NpgsqlDbType.Real,
            ColumnKind.Double => NpgsqlDbType.Double,
            ColumnKind.Decimal => NpgsqlDbType.Numeric,
            ColumnKind.Day or ColumnKind.Month => NpgsqlDbType.Date,
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
