using System.Text.Json.Serialization;
using Durable.Operations;
using Npgsql;

namespace Durable.Pipelines.Returns;

/// <summary>Outcome of a tick.</summary>
[JsonConverter(typeof(StoredTextConverter<TickOutcome>))]
public enum TickOutcome
{
    /// <summary>It started a run.</summary>
    Started,

    /// <summary>It did not; its detail says why.</summary>
    Skipped,
}

/// <summary>A tick of a timer and its outcome.</summary>
public sealed record TickRow(string Timer, DateTime At, TickOutcome Outcome, string Detail);

/// <summary>Ticks of the timers, finished training jobs, and how earlier runs of a kind ended.</summary>
public sealed class ReturnsJournal(NpgsqlDataSource database)
{
    /// <summary>Records a tick.</summary>
    public async Task TickedAsync(string timer, TickOutcome outcome, string detail, CancellationToken cancellationToken = default) =>
        await ExecuteAsync(
            "INSERT INTO returns.ticks (timer, outcome, detail) VALUES ($1, $2, $3)",
            [timer, outcome.Text(), detail],
            cancellationToken
        );

    /// <summary>The latest ticks, newest first.</summary>
    public async Task<IReadOnlyList<TickRow>> ReadTicksAsync(int most = 20, CancellationToken cancellationToken = default)
    {
        List<TickRow> ticks = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT timer, at, outcome, detail FROM returns.ticks ORDER BY at DESC LIMIT $1"
        );
        command.Parameters.Add(new() { Value = most });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            ticks.Add(
                new TickRow(
                    reader.GetString(0),
                    reader.GetDateTime(1),
                    StoredText.Read<TickOutcome>(reader.GetString(2)),
                    reader.GetString(3)
                )
            );
        }

        return ticks;
    }

    /// <summary>Records a finished job's result. Safe to repeat.</summary>
    public async Task TrainedAsync(TrainedArtifact trained, CancellationToken cancellationToken = default) =>
        await ExecuteAsync(
            """
            INSERT INTO returns.trainings (fingerprint, version, job_name, artifact_uri) VALUES ($1, $2, $3, $4)
            ON CONFLICT (fingerprint) DO UPDATE SET version = EXCLUDED.version, job_name = EXCLUDED.job_name,
                artifact_uri = EXCLUDED.artifact_uri, trained_at = now()
            """,
            [trained.Fingerprint, trained.Version, trained.JobName, trained.ArtifactUri],
            cancellationToken
        );

    /// <summary>Result of a finished job with this fingerprint, and whether its model was judged; null when there is none.</summary>
    public async Task<(TrainedArtifact Trained, bool Judged)?> FindTrainedAsync(
        string fingerprint,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT version, job_name, artifact_uri, EXISTS (SELECT FROM returns.models m WHERE m.version = t.version
                AND (m.verdict = 'refused' OR m.published_at IS NOT NULL))
            FROM returns.trainings t WHERE fingerprint = $1
            """
        );
        command.Parameters.Add(new() { Value = fingerprint });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (new TrainedArtifact(fingerprint, reader.GetString(0), reader.GetString(1), reader.GetString(2)), reader.GetBoolean(3))
            : null;
    }

    /// <summary>Whether the previous run of the kind failed.</summary>
    public async Task<bool> PreviousFailedAsync(string kind, string runId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT state = 'failed' FROM operations.runs WHERE kind = $1 AND run_id <> $2 AND state <> 'running'
            ORDER BY started_at DESC LIMIT 1
            """
        );
        command.Parameters.Add(new() { Value = kind });
        command.Parameters.Add(new() { Value = runId });
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    private async Task ExecuteAsync(string sql, string[] values, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        foreach (string value in values)
            command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
