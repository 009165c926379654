using Durable.Operations;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Packing;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Climate.Sample;

/// <summary>The grid holds imported data, which a sample would overwrite.</summary>
public sealed class SampleWouldReplaceDataException(string source)
    : PermanentFailureException($"The grid was imported from {source}. The sample replaces the whole grid: use an empty database for it.");

/// <summary>The current grid.</summary>
/// <param name="Source">Of the last import, or <c>sample:CELLS:SEED</c>.</param>
/// <param name="Seed">Of the sample; null for imported data.</param>
public sealed record PresentGrid(long Cells, string Source, int? Seed);

/// <summary>Puts a <see cref="SampleClimate"/> into the input tables and grid columns.</summary>
public sealed class SampleLoader(NpgsqlDataSource database, GridStore grid, PlacePacker packer)
{
    private const string Prefix = "sample";

    /// <summary>Loads grid, facts, basins, coast and storms, and packs them. Does nothing when the same sample exists.</summary>
    /// <returns>Cells in the grid.</returns>
    /// <exception cref="SampleWouldReplaceDataException">The grid holds imported data.</exception>
    public async Task<int> LoadPlacesAsync(int cells, int seed, CancellationToken cancellationToken = default)
    {
        SampleClimate sample = new(cells, seed);
        string source = $"{Prefix}:{cells}:{seed}";
        string? present = await ReadSourceAsync(cancellationToken);
        if (present == source)
            return cells;
        if (present is not null && !present.StartsWith(Prefix, StringComparison.Ordinal))
            throw new SampleWouldReplaceDataException(present);

        await using (NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken))
        await using (NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            await ExecuteAsync(
                connection,
                """
                TRUNCATE climate.location_grid, climate.cell_facts, climate.sea_level_grid, climate.api_wamis,
                    climate.api_typhoon_besttrack, climate.sea_level_data
                """,
                cancellationToken
            );
            await CopyGridAsync(connection, sample, cancellationToken);
            await CopyFactsAsync(connection, sample, cancellationToken);
            await CopySeaAsync(connection, sample, cancellationToken);
            await CopyStormsAsync(connection, seed, cancellationToken);
            await ExecuteAsync(
                connection,
                """
                INSERT INTO climate.api_wamis (basin, watershed_area_km2, runoff_coef, usage_1000m3, withdrawal_m3, renewable_water_m3)
                VALUES
                    ('한강', 26219, 0.65, 8400000, 8.4e9, 2.52e10), ('낙동강', 23817, 0.60, 9100000, 9.1e9, 2.13e10),
                    ('금강', 9914, 0.58, 5200000, 5.2e9, 1.01e10),
                    ('섬진강', 4914, 0.62, 1500000, 1.5e9, 5.1e9), ('영산강', 3469, 0.55, 2300000, 2.3e9, 4.2e9),
                    ('제주', 1849, 0.50, 400000, 4e8, 1.7e9)
                """,
                cancellationToken
            );
            await transaction.CommitAsync(cancellationToken);
        }

        await packer.PackAsync(cancellationToken);
        await using NpgsqlCommand record = database.CreateCommand(
            "INSERT INTO climate.imports (table_name, source, accepted) VALUES ('location_grid', $1, $2)"
        );
        record.Parameters.Add(new() { Value = source });
        record.Parameters.Add(new() { Value = (long)cells });
        await record.ExecuteNonQueryAsync(cancellationToken);
        return cells;
    }

    /// <summary>Writes the annual columns of some years of a scenario, sea level included. Skips a year already written with the same
    /// sample.</summary>
    /// <returns>Values written: cells × variables × years.</returns>
    public async Task<long> LoadYearsAsync(
        int cells,
        int seed,
        Scenario scenario,
        int firstYear,
        int lastYear,
        CancellationToken cancellationToken = default
    )
    {
        SampleClimate sample = new(cells, seed);
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(cancellationToken: cancellationToken);
        GridColumns places = await grid.ReadPlacesAsync(tiles, cancellationToken);
        Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
        string version = $"{Prefix}:{cells}:{seed}";
        long values = 0;
        for (int year = firstYear; year <= lastYear; year++)
        {
            if (versions.GetValueOrDefault(((int)scenario, year)) == version)
                continue;
            int written = year;
            (Tile Tile, GridColumns Columns)[] blocks =
            [
                .. tiles.AsParallel().AsOrdered().Select(tile => (tile, sample.Year(scenario, written, tile))),
            ];
            int offset = 0;
            foreach ((Tile tile, GridColumns columns) in blocks)
            {
                float[] seaLevel = columns[GridVariable.SeaLevel];
                for (int at = 0; at < tile.Cells; at++, offset++)
                    seaLevel[at] = Rounded(sample.SeaLevel(scenario, year, (int)places[GridVariable.SeaPoint][offset]));
            }

            await grid.WriteAsync(scenario, year, GridVariables.Annual, blocks, version, cancellationToken);
            values += (long)GridVariables.Annual.Count * offset;
        }

        return values;
    }

    /// <summary>The grid that the batches compute; null when there is none.</summary>
    public async Task<PresentGrid?> ReadGridAsync(CancellationToken cancellationToken = default)
    {
        if (await ReadSourceAsync(cancellationToken) is not { } source)
            return null;
        await using NpgsqlCommand count = database.CreateCommand("SELECT count(*) FROM climate.location_grid");
        long cells = (long)(await count.ExecuteScalarAsync(cancellationToken))!;
        return new PresentGrid(
            cells,
            source,
            source.Split(':') is [Prefix, _, var seed] && int.TryParse(seed, out int number) ? number : null
        );
    }

    private async Task<string?> ReadSourceAsync(CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT source FROM climate.imports WHERE table_name = 'location_grid' ORDER BY import_id DESC LIMIT 1"
        );
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }

    private static async Task CopyGridAsync(NpgsqlConnection connection, SampleClimate sample, CancellationToken cancellationToken)
    {
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            "COPY climate.location_grid (grid_id, longitude, latitude) FROM STDIN (FORMAT binary)",
            cancellationToken
        );
        foreach (int id in sample.Tiles().SelectMany(tile => tile.GridIds))
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(id, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync((decimal)SampleClimate.Longitude(id), NpgsqlDbType.Numeric, cancellationToken);
            await copy.WriteAsync((decimal)SampleClimate.Latitude(id), NpgsqlDbType.Numeric, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task CopyFactsAsync(NpgsqlConnection connection, SampleClimate sample, CancellationToken cancellationToken)
    {
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            """
            COPY climate.cell_facts (grid_id, landcover, impervious_ratio, elevation_m, distance_to_river_m, building_count, basin)
            FROM STDIN (FORMAT binary)
            """,
            cancellationToken
        );
        foreach (SampleFacts facts in sample.Tiles().SelectMany(tile => tile.GridIds).Select(sample.Facts))
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(facts.GridId, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync((short)facts.Cover, NpgsqlDbType.Smallint, cancellationToken);
            await copy.WriteAsync((float)facts.Impervious, NpgsqlDbType.Real, cancellationToken);
            await copy.WriteAsync((float)facts.Elevation, NpgsqlDbType.Real, cancellationToken);
            await copy.WriteAsync((float)facts.RiverDistance, NpgsqlDbType.Real, cancellationToken);
            await copy.WriteAsync((float)facts.Buildings, NpgsqlDbType.Real, cancellationToken);
            await copy.WriteAsync(facts.Basin, NpgsqlDbType.Text, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task CopySeaAsync(NpgsqlConnection connection, SampleClimate sample, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            connection,
            """
            INSERT INTO climate.sea_level_grid (grid_id, longitude, latitude)
            SELECT 1 + 10 * y + x, 124.0 + 0.95 * x, 32.6 + 0.95 * y FROM generate_series(0, 9) x, generate_series(0, 7) y
            """,
            cancellationToken
        );
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            "COPY climate.sea_level_data FROM STDIN (FORMAT binary)",
            cancellationToken
        );
        for (int year = 2015; year <= Scenarios.LastYear; year++)
        {
            for (int point = 1; point <= 80; point++)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync((short)year, NpgsqlDbType.Smallint, cancellationToken);
                await copy.WriteAsync(point, NpgsqlDbType.Integer, cancellationToken);
                foreach (Scenario scenario in Scenarios.All)
                    await copy.WriteAsync(Rounded(sample.SeaLevel(scenario, year, point)), NpgsqlDbType.Real, cancellationToken);
            }
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task CopyStormsAsync(NpgsqlConnection connection, int seed, CancellationToken cancellationToken)
    {
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            """
            COPY climate.api_typhoon_besttrack (tcid, year, month, day, hour, grade, latitude, longitude, max_wind_speed, central_pressure,
                gale_long, gale_short, gale_dir, storm_long, storm_short, storm_dir) FROM STDIN (FORMAT binary)
            """,
            cancellationToken
        );
        foreach (StormFix fix in SampleStorms.Fixes(seed))
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(fix.StormId, NpgsqlDbType.Text, cancellationToken);
            foreach (int part in (int[])[fix.Year, fix.Month, fix.Day, fix.Hour])
                await copy.WriteAsync((short)part, NpgsqlDbType.Smallint, cancellationToken);
            await copy.WriteAsync(fix.Grade, NpgsqlDbType.Text, cancellationToken);
            double[] numbers =
            [
                fix.Latitude,
                fix.Longitude,
                fix.MaxWind,
                fix.Pressure,
                fix.GaleLong,
                fix.GaleShort,
                fix.GaleDirection,
                fix.StormLong,
                fix.StormShort,
                fix.StormDirection,
            ];
            foreach (double number in numbers)
            {
                if (double.IsNaN(number))
                    await copy.WriteNullAsync(cancellationToken);
                else
                    await copy.WriteAsync((float)number, NpgsqlDbType.Real, cancellationToken);
            }
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static float Rounded(double value) => (float)Math.Round(value, 2);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
