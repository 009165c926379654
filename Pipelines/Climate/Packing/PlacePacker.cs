using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>Turns the input tables on places (grid, facts, basins, coast, storm tracks) into columns.</summary>
public sealed class PlacePacker(NpgsqlDataSource database, GridStore grid)
{
    /// <summary>Packs everything again. Safe to run twice; when the cells changed, annual columns are dropped and must be packed
    /// again.</summary>
    /// <returns>Cells in the grid.</returns>
    /// <exception cref="ImpossibleInputException">A table has a value that its variable cannot have.</exception>
    public async Task<int> PackAsync(CancellationToken cancellationToken = default)
    {
        await InputYears.CheckAsync(database, cancellationToken);
        await grid.ReplaceTilesAsync(await ReadGridAsync(cancellationToken), cancellationToken);
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(cancellationToken: cancellationToken);
        Dictionary<int, float[]> facts = await ReadFactsAsync(cancellationToken);
        SeaLevelPoints sea = await SeaLevelPoints.ReadAsync(database, cancellationToken);
        StormRecord storms = new(await ReadStormsAsync(cancellationToken));

        (Tile, GridColumns)[] places = [.. tiles.AsParallel().AsOrdered().Select(tile => (tile, Places(tile, facts, sea, storms)))];
        foreach ((Tile tile, GridColumns columns) in places)
            PackedRanges.Check(columns, FactColumns, tile.GridIds, "");
        string version = Fingerprints.Of(places.SelectMany(place => GridVariables.Static.Select(variable => Hash(place.Item2[variable]))));
        await grid.WriteAsync(null, null, GridVariables.Static, places, version, cancellationToken);
        await ClearTyphoonYearsAsync(cancellationToken);
        foreach (int year in storms.Years)
        {
            (Tile, GridColumns)[] blocks = [.. tiles.AsParallel().AsOrdered().Select(tile => (tile, storms.Index(tile, year)))];
            await grid.WriteAsync(
                null,
                year,
                [GridVariable.TyphoonIndex],
                blocks,
                Fingerprints.Of(blocks.Select(block => Hash(block.Item2[GridVariable.TyphoonIndex]))),
                cancellationToken
            );
        }

        return tiles.Sum(tile => tile.Cells);
    }

    internal static string Hash(float[] column) =>
        Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(column.AsSpan()))
        )[..16];

    private static GridColumns Places(Tile tile, Dictionary<int, float[]> facts, SeaLevelPoints sea, StormRecord storms)
    {
        GridColumns columns = new(tile.Cells);
        for (int at = 0; at < tile.Cells; at++)
        {
            double latitude = tile.Latitudes[at],
                longitude = tile.Longitudes[at];
            if (facts.TryGetValue(tile.GridIds[at], out float[]? row))
            {
                for (int i = 0; i < FactColumns.Length; i++)
                    columns[FactColumns[i]][at] = row[i];
            }

            ref float coast = ref columns[GridVariable.CoastDistance][at];
            (int seaPoint, double kilometres) = sea.Nearest(latitude, longitude);
            if (float.IsNaN(coast))
                coast = (float)(kilometres * 1000);
            if (seaPoint >= 0)
                columns[GridVariable.SeaPoint][at] = seaPoint;
            if (storms.IsEmpty)
                continue;

            TyphoonExposure exposure = Typhoon.Expose(latitude, longitude, storms.Near(latitude, longitude));
            columns[GridVariable.TyphoonPoints][at] = exposure.Points;
            columns[GridVariable.TyphoonWind][at] = (float)exposure.Wind;
            columns[GridVariable.TyphoonNearness][at] = (float)exposure.Nearness;
            columns[GridVariable.TyphoonFallbackRain][at] = (float)exposure.FallbackRain;
            columns[GridVariable.TyphoonWindyPoints][at] = exposure.WindyPoints;
        }

        return columns;
    }

    private static readonly GridVariable[] FactColumns =
    [
        GridVariable.LandCover,
        GridVariable.ImperviousRatio,
        GridVariable.Elevation,
        GridVariable.RiverDistance,
        GridVariable.CoastDistance,
        GridVariable.BuildingCount,
        GridVariable.BasinArea,
        GridVariable.BasinRunoff,
        GridVariable.WaterUsage,
        GridVariable.Withdrawal,
        GridVariable.RenewableWater,
    ];

    private async Task<Dictionary<int, float[]>> ReadFactsAsync(CancellationToken cancellationToken)
    {
        const string Sql = """
            SELECT f.grid_id, f.landcover::real, f.impervious_ratio, f.elevation_m, f.distance_to_river_m, f.distance_to_coast_m,
                f.building_count,
                b.watershed_area_km2, b.runoff_coef, b.usage_1000m3, (b.withdrawal_m3 / 1e6)::real, (b.renewable_water_m3 / 1e6)::real
            FROM climate.cell_facts f LEFT JOIN climate.api_wamis b USING (basin)
            """;
        Dictionary<int, float[]> facts = [];
        await using NpgsqlCommand command = database.CreateCommand(Sql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            float[] row = new float[FactColumns.Length];
            for (int i = 0; i < row.Length; i++)
                row[i] = reader.IsDBNull(i + 1) ? float.NaN : reader.GetFloat(i + 1);
            facts.Add(reader.GetInt32(0), row);
        }

        return facts;
    }

    private async Task<IReadOnlyList<Tile>> ReadGridAsync(CancellationToken cancellationToken)
    {
        List<(int Id, double Latitude, double Longitude)> cells = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT grid_id, latitude::double precision, longitude::double precision FROM climate.location_grid ORDER BY grid_id"
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            cells.Add((reader.GetInt32(0), reader.GetDouble(1), reader.GetDouble(2)));
        return
        [
            .. cells
                .Chunk(Tile.Size)
                .Select(
                    (chunk, number) =>
                        new Tile(
                            number,
                            [.. chunk.Select(cell => cell.Id)],
                            [.. chunk.Select(cell => cell.Latitude)],
                            [.. chunk.Select(cell => cell.Longitude)]
                        )
                ),
        ];
    }

    private async Task<IReadOnlyList<StormFix>> ReadStormsAsync(CancellationToken cancellationToken)
    {
        const string Sql = """
            SELECT tcid, year, month, day, hour, grade, latitude, longitude, max_wind_speed, central_pressure, gale_long, gale_short,
                gale_dir,
                storm_long, storm_short, storm_dir
            FROM climate.api_typhoon_besttrack ORDER BY tcid, year, month, day, hour
            """;
        List<StormFix> fixes = [];
        await using NpgsqlCommand command = database.CreateCommand(Sql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        // The source writes −999 for "not given", and rows imported before that was known may contain it.
        double Number(int column) => reader.IsDBNull(column) || reader.GetFloat(column) <= -900 ? double.NaN : reader.GetFloat(column);
        while (await reader.ReadAsync(cancellationToken))
        {
            fixes.Add(
                new StormFix(
                    reader.GetString(0),
                    reader.GetInt16(1),
                    reader.GetInt16(2),
                    reader.GetInt16(3),
                    reader.GetInt16(4),
                    reader.GetString(5),
                    Number(6),
                    Number(7),
                    Number(8),
                    Number(9),
                    Number(10),
                    Number(11),
                    Number(12),
                    Number(13),
                    Number(14),
                    Number(15)
                )
            );
        }

        return fixes;
    }

    private async Task ClearTyphoonYearsAsync(CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            DELETE FROM climate.cell_series WHERE scenario_id = 0 AND year > 0; DELETE FROM climate.input_versions
            WHERE scenario_id = 0 AND year > 0
            """
        );
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
