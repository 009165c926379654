using System.Runtime.InteropServices;
using Durable.Pipelines.Climate.Model;
using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Climate.Grid;

/// <summary>Reads and writes the grid as tiles and columns (<c>climate.tiles</c>, <c>climate.cell_series</c>).</summary>
public sealed class GridStore(NpgsqlDataSource database)
{
    /// <summary>Scenario 0 or year 0: the block applies to all of them.</summary>
    private const short Any = 0;

    /// <summary>The tiles in order, always whole; with <paramref name="box"/>, those with a cell in it.</summary>
    public async Task<IReadOnlyList<Tile>> ReadTilesAsync(BoundingBox? box = null, CancellationToken cancellationToken = default)
    {
        List<Tile> tiles = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT tile, grid_ids, latitudes, longitudes FROM climate.tiles ORDER BY tile"
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            tiles.Add(new Tile(reader.GetInt32(0), Unpack<int>(reader, 1), Unpack<double>(reader, 2), Unpack<double>(reader, 3)));
        }

        return box is null
            ? tiles
            : [.. tiles.Where(tile => tile.Latitudes.Zip(tile.Longitudes).Any(at => box.Contains(at.First, at.Second)))];
    }

    /// <summary>Replaces the whole grid. When the cells change, all columns are dropped, because they no longer fit.</summary>
    /// <returns>True when the cells changed.</returns>
    public async Task<bool> ReplaceTilesAsync(IReadOnlyList<Tile> tiles, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<Tile> before = await ReadTilesAsync(cancellationToken: cancellationToken);
        if (before.Count == tiles.Count && before.Zip(tiles).All(pair => Same(pair.First, pair.Second)))
            return false;

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (NpgsqlCommand clear = new("TRUNCATE climate.tiles, climate.cell_series, climate.input_versions", connection))
        {
            await clear.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (BinaryCopy copy = await BinaryCopy.BeginAsync(connection, "climate.tiles", freeze: false, cancellationToken))
        {
            foreach (Tile tile in tiles)
            {
                await copy.StartRowAsync(5, cancellationToken);
                copy.Write(tile.Number);
                copy.Write(tile.Cells);
                await copy.WriteAsync(Pack<int>(tile.GridIds), cancellationToken);
                await copy.WriteAsync(Pack<double>(tile.Latitudes), cancellationToken);
                await copy.WriteAsync(Pack<double>(tile.Longitudes), cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Cells of the whole grid.</summary>
    public async Task<long> CountCellsAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT coalesce(sum(cells), 0) FROM climate.tiles");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Cells of the imported grid, in <paramref name="box"/> (null: anywhere) and in the range of grid numbers of
    /// <paramref name="tile"/> (null: any).</summary>
    public async Task<long> CountImportedCellsAsync(BoundingBox? box, Tile? tile = null, CancellationToken cancellationToken = default)
    {
        List<string> conditions = [];
        if (box is not null)
            conditions.Add("latitude BETWEEN $1 AND $3 AND longitude BETWEEN $2 AND $4");
        if (tile is not null)
            conditions.Add(FormattableString.Invariant($"grid_id BETWEEN {tile.GridIds[0]} AND {tile.GridIds[^1]}"));
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT count(*) FROM climate.location_grid" + (conditions.Count == 0 ? "" : " WHERE " + string.Join(" AND ", conditions))
        );
        if (box is not null)
            foreach (double edge in new[] { box.South, box.West, box.North, box.East })
                command.Parameters.Add(new() { Value = edge });
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Annual columns of some years of one scenario over the cells of <paramref name="tiles"/>, by year.</summary>
    public Task<IReadOnlyDictionary<int, GridColumns>> ReadYearsAsync(
        Scenario scenario,
        IReadOnlyList<int> years,
        IReadOnlyList<GridVariable> variables,
        IReadOnlyList<Tile> tiles,
        CancellationToken cancellationToken = default
    ) => ReadAsync((short)scenario, [.. years.Select(year => (short)year)], variables, tiles, cancellationToken);

    /// <summary>Columns that apply to every scenario and year.</summary>
    public async Task<GridColumns> ReadPlacesAsync(IReadOnlyList<Tile> tiles, CancellationToken cancellationToken = default) =>
        (await ReadAsync(Any, [Any], GridVariables.Static, tiles, cancellationToken))[Any];

    /// <summary>Annual columns of one scenario and tile, by year, for every year that has any.</summary>
    public async Task<SortedDictionary<int, GridColumns>> ReadSeriesAsync(
        Scenario scenario,
        Tile tile,
        IReadOnlyList<GridVariable> variables,
        CancellationToken cancellationToken = default
    )
    {
        const string Sql = """
            SELECT year, variable, source, cell_values FROM climate.cell_series
            WHERE scenario_id = $1 AND tile = $2 AND variable = ANY ($3) AND year > 0
            """;
        return await ReadYearsAsync(Sql, (short)scenario, tile, variables, cancellationToken);
    }

    /// <summary>The typhoon index of the tile's cells in each year of the track record.</summary>
    public Task<SortedDictionary<int, GridColumns>> ReadTyphoonYearsAsync(Tile tile, CancellationToken cancellationToken = default) =>
        ReadYearsAsync(
            """
            SELECT year, variable, source, cell_values FROM climate.cell_series
            WHERE scenario_id = $1 AND tile = $2 AND variable = ANY ($3) AND year > 0
            """,
            Any,
            tile,
            [GridVariable.TyphoonIndex],
            cancellationToken
        );

    /// <summary>Replaces <paramref name="variables"/> of one scenario and year (null: all of them) for the given tiles, whole or not at
    /// all.</summary>
    /// <param name="version">Recorded as the inputs' version; results of another version are stale. Null leaves it unchanged.</param>
    public async Task WriteAsync(
        Scenario? scenario,
        int? year,
        IReadOnlyList<GridVariable> variables,
        IReadOnlyList<(Tile Tile, GridColumns Columns)> blocks,
        string? version,
        CancellationToken cancellationToken = default
    )
    {
        short scenarioId = scenario is { } s ? (short)s : Any,
            storedYear = (short)(year ?? Any);
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (
            NpgsqlCommand clear = new(
                "DELETE FROM climate.cell_series WHERE scenario_id = $1 AND year = $2 AND variable = ANY ($3) AND tile = ANY ($4)",
                connection
            )
            {
                Parameters =
                {
                    new() { Value = scenarioId },
                    new() { Value = storedYear },
                    new() { Value = Ids(variables) },
                    new() { Value = blocks.Select(block => block.Tile.Number).ToArray() },
                },
            }
        )
        {
            await clear.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (BinaryCopy copy = await BinaryCopy.BeginAsync(connection, "climate.cell_series", freeze: false, cancellationToken))
        {
            foreach ((Tile tile, GridColumns columns) in blocks)
            {
                foreach (GridVariable variable in variables)
                {
                    await copy.StartRowAsync(6, cancellationToken);
                    copy.Write(scenarioId);
                    copy.Write(storedYear);
                    copy.Write((short)variable);
                    copy.Write(tile.Number);
                    copy.Write((short)(columns.IsFromMonthly(variable) ? 1 : 0));
                    await copy.WriteAsync(Pack<float>(columns[variable]), cancellationToken);
                }
            }

            await copy.CompleteAsync(cancellationToken);
        }

        if (version is not null)
        {
            await using NpgsqlCommand stamp = new(
                """
                INSERT INTO climate.input_versions (scenario_id, year, version) VALUES ($1, $2, $3)
                ON CONFLICT (scenario_id, year) DO UPDATE SET version = EXCLUDED.version, updated_at = now()
                """,
                connection
            )
            {
                Parameters =
                {
                    new() { Value = scenarioId },
                    new() { Value = storedYear },
                    new() { Value = version },
                },
            };
            await stamp.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Versions of the inputs by (scenario, year); scenario and year 0 hold the facts about places.</summary>
    public async Task<Dictionary<(int Scenario, int Year), string>> ReadVersionsAsync(CancellationToken cancellationToken = default)
    {
        Dictionary<(int, int), string> versions = [];
        await using NpgsqlCommand command = database.CreateCommand("SELECT scenario_id, year, version FROM climate.input_versions");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            versions.Add((reader.GetInt16(0), reader.GetInt16(1)), reader.GetString(2));
        return versions;
    }

    private async Task<IReadOnlyDictionary<int, GridColumns>> ReadAsync(
        short scenarioId,
        short[] years,
        IReadOnlyList<GridVariable> variables,
        IReadOnlyList<Tile> tiles,
        CancellationToken cancellationToken
    )
    {
        Dictionary<int, (int Offset, int Cells)> places = [];
        int cells = 0;
        foreach (Tile tile in tiles)
        {
            places.Add(tile.Number, (cells, tile.Cells));
            cells += tile.Cells;
        }

        Dictionary<int, GridColumns> columns = years.ToDictionary(year => (int)year, _ => new GridColumns(cells));
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT year, variable, tile, source, cell_values FROM climate.cell_series
            WHERE scenario_id = $1 AND year = ANY ($2) AND variable = ANY ($3) AND tile = ANY ($4)
            """
        );
        command.Parameters.Add(new() { Value = scenarioId });
        command.Parameters.Add(new() { Value = years });
        command.Parameters.Add(new() { Value = Ids(variables) });
        command.Parameters.Add(new() { Value = places.Keys.ToArray() });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            GridColumns year = columns[reader.GetInt16(0)];
            GridVariable variable = (GridVariable)reader.GetInt16(1);
            (int offset, int count) = places[reader.GetInt32(2)];
            Fill(reader, 4, year[variable].AsSpan(offset, count));
            if (reader.GetInt16(3) == 1)
                year.MarkMonthly(variable);
        }

        return columns;
    }

    private async Task<SortedDictionary<int, GridColumns>> ReadYearsAsync(
        string sql,
        short scenarioId,
        Tile tile,
        IReadOnlyList<GridVariable> variables,
        CancellationToken cancellationToken
    )
    {
        SortedDictionary<int, GridColumns> years = [];
        await using NpgsqlCommand command = database.CreateCommand(sql);
        command.Parameters.Add(new() { Value = scenarioId });
        command.Parameters.Add(new() { Value = tile.Number });
        command.Parameters.Add(new() { Value = Ids(variables) });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            int year = reader.GetInt16(0);
            if (!years.TryGetValue(year, out GridColumns? columns))
                years.Add(year, columns = new GridColumns(tile.Cells));
            GridVariable variable = (GridVariable)reader.GetInt16(1);
            Fill(reader, 3, columns[variable]);
            if (reader.GetInt16(2) == 1)
                columns.MarkMonthly(variable);
        }

        return years;
    }

    private static void Fill(NpgsqlDataReader reader, int ordinal, Span<float> target)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(target);
        byte[] stored = reader.GetFieldValue<byte[]>(ordinal);
        if (stored.Length != bytes.Length)
            throw new InvalidDataException($"A block holds {stored.Length} bytes where its tile needs {bytes.Length}.");
        stored.CopyTo(bytes);
    }

    private static bool Same(Tile one, Tile other) =>
        one.Number == other.Number
        && one.GridIds.AsSpan().SequenceEqual(other.GridIds)
        && one.Latitudes.AsSpan().SequenceEqual(other.Latitudes)
        && one.Longitudes.AsSpan().SequenceEqual(other.Longitudes);

    private static short[] Ids(IReadOnlyList<GridVariable> variables) => [.. variables.Select(variable => (short)variable)];

    private static byte[] Pack<T>(ReadOnlySpan<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(values).ToArray();

    private static T[] Unpack<T>(NpgsqlDataReader reader, int ordinal)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(reader.GetFieldValue<byte[]>(ordinal)).ToArray();
}
