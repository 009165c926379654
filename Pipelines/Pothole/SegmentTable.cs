using System.Globalization;
using Durable.Operations;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Pothole;

/// <summary>An invalid row of the stage's export. Permanent.</summary>
public sealed class SegmentFileException(string message) : PermanentFailureException(message);

/// <summary>A segment of a day.</summary>
public sealed record SegmentRow(string Id, double Longitude, double Latitude, long Impacts, long Total);

/// <summary><c>pothole.pothole_segments</c>: one row per segment and day.</summary>
public sealed class SegmentTable(NpgsqlDataSource database)
{
    private const string Header = "s_id,date,impact_count,total_count,centroid_lon,centroid_lat";

    /// <summary>Replaces a day in one transaction: new and changed segments are written, vanished ones removed. Safe to run
    /// twice.</summary>
    /// <param name="csv">Export of stage 2, with its header; every row of the same day.</param>
    /// <exception cref="SegmentFileException">The file does not have stage 2's format; nothing was changed.</exception>
    public async Task<LoadedSegments> LoadAsync(string date, string csv, CancellationToken cancellationToken = default)
    {
        DateOnly day = PotholeSteps.Day(date);
        (IReadOnlyList<SegmentRow> rows, List<string> warnings) = Read(date, csv);
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await MakePartitionAsync(connection, day, cancellationToken);
        long before = await CountAsync(connection, day.AddDays(-1), cancellationToken);
        if (before > 0 && Math.Abs(rows.Count - before) > before * 0.5)
            warnings.Add(FormattableString.Invariant($"{rows.Count} segments, {before} on the day before: a change of more than 50 %"));

        await ExecuteAsync(
            connection,
            """
            CREATE TEMP TABLE incoming (s_id text, lon double precision, lat double precision, impacts bigint, total bigint) ON COMMIT DROP
            """,
            [],
            cancellationToken
        );
        await using (
            NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
                "COPY incoming FROM STDIN (FORMAT BINARY)",
                cancellationToken
            )
        )
        {
            foreach (SegmentRow row in rows)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(row.Id, NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync(row.Longitude, NpgsqlDbType.Double, cancellationToken);
                await copy.WriteAsync(row.Latitude, NpgsqlDbType.Double, cancellationToken);
                await copy.WriteAsync(row.Impacts, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(row.Total, NpgsqlDbType.Bigint, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await ExecuteAsync(
            connection,
            """
            INSERT INTO pothole.pothole_segments AS s (s_id, date, centroid_lon, centroid_lat, impact_count, total_count)
            SELECT s_id, $1, lon, lat, impacts, total FROM incoming
            ON CONFLICT (s_id, date) DO UPDATE SET centroid_lon = EXCLUDED.centroid_lon, centroid_lat = EXCLUDED.centroid_lat,
                impact_count = EXCLUDED.impact_count, total_count = EXCLUDED.total_count, updated_at = now()
            WHERE (s.centroid_lon, s.centroid_lat, s.impact_count, s.total_count) IS DISTINCT FROM (EXCLUDED.centroid_lon,
                EXCLUDED.centroid_lat, EXCLUDED.impact_count, EXCLUDED.total_count)
            """,
            [day],
            cancellationToken
        );
        int removed = await ExecuteAsync(
            connection,
            "DELETE FROM pothole.pothole_segments s WHERE date = $1 AND NOT EXISTS (SELECT 1 FROM incoming i WHERE i.s_id = s.s_id)",
            [day],
            cancellationToken
        );
        await transaction.CommitAsync(cancellationToken);
        return new LoadedSegments(date, rows.Count, removed, rows.Sum(row => row.Impacts), rows.Sum(row => row.Total), warnings);
    }

    /// <summary>Segments of a day with the most impacts.</summary>
    public async Task<IReadOnlyList<SegmentRow>> WorstAsync(string date, int most, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT s_id, centroid_lon, centroid_lat, impact_count, total_count FROM pothole.pothole_segments
            WHERE date = $1 AND impact_count > 0
            ORDER BY impact_count DESC, total_count, s_id LIMIT $2
            """
        );
        command.Parameters.Add(new() { Value = PotholeSteps.Day(date) });
        command.Parameters.Add(new() { Value = most });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<SegmentRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(new SegmentRow(reader.GetString(0), reader.GetDouble(1), reader.GetDouble(2), reader.GetInt64(3), reader.GetInt64(4)));
        return rows;
    }

    /// <summary>Rows of an export, and doubts about them. Segment names hold no comma or quote: they are link and number.</summary>
    internal static (IReadOnlyList<SegmentRow> Rows, List<string> Warnings) Read(string date, string csv)
    {
        string[] lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0 || lines[0] != Header)
            throw new SegmentFileException($"The export begins with '{lines.FirstOrDefault()}', not with {Header}.");
        List<SegmentRow> rows = [];
        int nameless = 0,
            impossible = 0;
        foreach ((int number, string line) in lines.Index().Skip(1))
        {
            string[] fields = line.Split(',');
            if (
                fields.Length != 6
                || fields[1] != date
                || !long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out long impacts)
                || !long.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out long total)
                || !TryDegrees(fields[4], out double lon)
                || !TryDegrees(fields[5], out double lat)
            )
                throw new SegmentFileException(
                    $"Line {number + 1} of the export is not a row of {date}: '{line[..Math.Min(line.Length, 120)]}'."
                );
            if (impacts > total)
                impossible++;
            if (fields[0].Length == 0)
                nameless++;
            else
                rows.Add(new SegmentRow(fields[0], lon, lat, impacts, total));
        }

        if (rows.Select(row => row.Id).Distinct().Count() != rows.Count)
            throw new SegmentFileException("A segment is in the export twice.");
        List<string> warnings = [];
        if (impossible > 0)
            warnings.Add($"{impossible} segments have more impacts than measurements");
        if (nameless > 0)
            warnings.Add($"{nameless} rows without a segment were left out");
        return (rows, warnings);
    }

    private static bool TryDegrees(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    // A name made of digits only; DDL takes no parameters.
    private static Task MakePartitionAsync(NpgsqlConnection connection, DateOnly day, CancellationToken cancellationToken)
    {
        DateOnly first = new(day.Year, day.Month, 1),
            next = first.AddMonths(1);
        return ExecuteAsync(
            connection,
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                SELECT pg_advisory_xact_lock(hashtextextended('pothole_segments partitions', 0));
                CREATE TABLE IF NOT EXISTS pothole.pothole_segments_{first:yyyyMM} PARTITION OF pothole.pothole_segments
                FOR VALUES FROM ('{first:yyyy-MM-dd}') TO ('{next:yyyy-MM-dd}')
                """
            ),
            [],
            cancellationToken
        );
    }

    private static async Task<long> CountAsync(NpgsqlConnection connection, DateOnly day, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("SELECT count(*) FROM pothole.pothole_segments WHERE date = $1", connection)
        {
            Parameters = { new() { Value = day } },
        };
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection,
        string sql,
        object[] values,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(sql, connection);
        command.Add(values);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
