using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Returns;

/// <summary>Scores of predictions against outcomes.</summary>
/// <param name="Mse">Mean squared error over the scored ones; null when there are none.</param>
/// <param name="Recent">The same over the last day's worth of them.</param>
public sealed record PredictionScores(long Predictions, long Scored, double? Mse, long RecentScored, double? Recent);

/// <summary>A stored prediction.</summary>
public sealed record PredictionRow(
    DateTime BaseTs,
    DateTime TargetTs,
    string Version,
    float[] Predicted,
    double[]? Actual,
    double? Mse,
    DateTime MadeAt
);

/// <summary>Predictions by embedding and model, in <c>returns.predictions</c>: at most one per pair.</summary>
public sealed class PredictionTable(NpgsqlDataSource database)
{
    /// <summary>Ten-minute times in a day.</summary>
    private const int Day = 144;

    /// <summary>
    /// Embeddings without a prediction by this model: the newest, and those since the last prediction of any model, at most a day's worth,
    /// oldest first.
    /// </summary>
    public async Task<IReadOnlyList<Embedding>> FindOpenAsync(string version, CancellationToken cancellationToken = default)
    {
        List<Embedding> open = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT base_ts, features FROM (
                SELECT base_ts, features FROM returns.embeddings e
                WHERE (base_ts > (SELECT max(base_ts) FROM returns.predictions) OR base_ts = (SELECT max(base_ts) FROM returns.embeddings))
                  AND NOT EXISTS (SELECT FROM returns.predictions p WHERE p.base_ts = e.base_ts AND p.version = $1)
                ORDER BY base_ts DESC LIMIT $2) AS newest
            ORDER BY base_ts
            """
        );
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = Day });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            open.Add(new Embedding(reader.GetDateTime(0), ReturnsTable.Floats(reader.GetFieldValue<byte[]>(1))));
        return open;
    }

    /// <summary>Stores a prediction unless this embedding and model have one.</summary>
    /// <returns>Whether it was stored.</returns>
    public async Task<bool> AddAsync(DateTime baseTs, string version, float[] predicted, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO returns.predictions (base_ts, version, target_ts, predicted) VALUES ($1, $2, $3, $4)
            ON CONFLICT (base_ts, version) DO NOTHING
            """
        );
        command.Add(baseTs, version, baseTs + ReturnsShape.Ahead, predicted);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>Scores every prediction whose outcome is known.</summary>
    /// <returns>Predictions scored.</returns>
    public async Task<int> ScoreAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            UPDATE returns.predictions p SET actual = o.targets, scored_at = now(),
                mse = (SELECT avg((guess - truth) ^ 2) FROM unnest(p.predicted::double precision[], o.targets) AS pair (guess, truth))
            FROM returns.outcomes o WHERE o.ts = p.target_ts AND p.scored_at IS NULL
            """
        );
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Scores of a model's predictions (null: of all models').</summary>
    public async Task<PredictionScores> ReadScoresAsync(string? version, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            WITH chosen AS (SELECT mse, target_ts FROM returns.predictions WHERE $1 IS NULL OR version = $1),
                 recent AS (SELECT mse FROM chosen WHERE mse IS NOT NULL ORDER BY target_ts DESC LIMIT $2)
            SELECT count(*), count(mse), avg(mse), (SELECT count(*) FROM recent), (SELECT avg(mse) FROM recent) FROM chosen
            """
        );
        command.AddNullable(NpgsqlDbType.Text, version);
        command.Parameters.Add(new() { Value = Day });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new PredictionScores(
            reader.GetInt64(0),
            reader.GetInt64(1),
            reader.GetNullable<double>(2),
            reader.GetInt64(3),
            reader.GetNullable<double>(4)
        );
    }

    /// <summary>The latest predictions, newest first.</summary>
    public async Task<IReadOnlyList<PredictionRow>> ReadAsync(int most, CancellationToken cancellationToken = default)
    {
        List<PredictionRow> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT base_ts, target_ts, version, predicted, actual, mse, made_at FROM returns.predictions
            ORDER BY base_ts DESC, made_at DESC LIMIT $1
            """
        );
        command.Parameters.Add(new() { Value = most });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new PredictionRow(
                    reader.GetDateTime(0),
                    reader.GetDateTime(1),
                    reader.GetString(2),
                    reader.GetFieldValue<float[]>(3),
                    reader.IsDBNull(4) ? null : reader.GetFieldValue<double[]>(4),
                    reader.GetNullable<double>(5),
                    reader.GetDateTime(6)
                )
            );
        }

        return rows;
    }
}
