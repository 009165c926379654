using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Grid;

/// <summary>The coarse sea-level grid (80 points, tens of km apart): each cell takes its nearest point.</summary>
internal sealed class SeaLevelPoints(IReadOnlyList<(int GridId, double Latitude, double Longitude)> points)
{
    public static async Task<SeaLevelPoints> ReadAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        List<(int, double, double)> points = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT grid_id, latitude::double precision, longitude::double precision FROM climate.sea_level_grid ORDER BY grid_id"
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            points.Add((reader.GetInt32(0), reader.GetDouble(1), reader.GetDouble(2)));
        return new SeaLevelPoints(points);
    }

    /// <summary>The nearest point; number −1 at NaN km when no sea-level grid is loaded.</summary>
    public (int GridId, double Kilometres) Nearest(double latitude, double longitude)
    {
        (int GridId, double Kilometres) nearest = (-1, double.NaN);
        foreach ((int gridId, double pointLatitude, double pointLongitude) in points)
        {
            double kilometres = Geo.Kilometres(latitude, longitude, pointLatitude, pointLongitude);
            if (!(kilometres >= nearest.Kilometres))
                nearest = (gridId, kilometres);
        }

        return nearest;
    }
}
