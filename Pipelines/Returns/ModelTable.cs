using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Operations;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Returns;

/// <summary>Verdict on a model.</summary>
[JsonConverter(typeof(StoredTextConverter<ModelVerdict>))]
public enum ModelVerdict
{
    /// <summary>It may be served.</summary>
    Accepted,

    /// <summary>A gate did not pass.</summary>
    Refused,
}

/// <summary>Why the pointer moved.</summary>
[JsonConverter(typeof(StoredTextConverter<PointerReason>))]
public enum PointerReason
{
    /// <summary>A new model was accepted.</summary>
    Publish,

    /// <summary>Somebody asked for the one before.</summary>
    Rollback,
}

/// <summary>A judged model in the ledger.</summary>
public sealed record ModelRow(
    string Version,
    string RunId,
    string JobName,
    string TrainUri,
    string? ModelUri,
    string Sha256,
    ModelVerdict Verdict,
    JsonElement Judgement,
    DateTime JudgedAt,
    DateTime? PublishedAt
);

/// <summary>A move of the pointer to the served model.</summary>
public sealed record PointerMove(DateTime MovedAt, string? FromVersion, string ToVersion, PointerReason Reason);

/// <summary>Every judged model, and every move of the pointer, in <c>returns.models</c> and <c>returns.pointer_moves</c>.</summary>
public sealed class ModelTable(NpgsqlDataSource database)
{
    /// <summary>Records a judgement. Safe to repeat; the newest counts.</summary>
    public async Task RecordAsync(
        string version,
        string runId,
        string jobName,
        string trainUri,
        string artifactUri,
        string sha256,
        ModelVerdict verdict,
        Judgement judgement,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO returns.models (version, run_id, job_name, train_uri, artifact_uri, sha256, verdict, judgement)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (version) DO UPDATE SET sha256 = EXCLUDED.sha256, verdict = EXCLUDED.verdict, judgement = EXCLUDED.judgement,
                judged_at = now() WHERE models.published_at IS NULL
            """
        );
        command.Add(version, runId, jobName, trainUri, artifactUri, sha256, verdict.Text());
        command.Parameters.Add(
            new()
            {
                Value = JsonSerializer.Serialize(
                    judgement,
                    new JsonSerializerOptions(JsonSerializerDefaults.Web)
                    {
                        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
                    }
                ),
                NpgsqlDbType = NpgsqlDbType.Jsonb,
            }
        );
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Records that the pointer was moved to a model. Safe to repeat: the same move is recorded once.</summary>
    public async Task MovedAsync(
        string? from,
        string to,
        string modelUri,
        PointerReason reason,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (
            NpgsqlCommand model = new(
                "UPDATE returns.models SET model_uri = $2, published_at = COALESCE(published_at, now()) WHERE version = $1",
                connection
            )
            {
                Parameters =
                {
                    new() { Value = to },
                    new() { Value = modelUri },
                },
            }
        )
            await model.ExecuteNonQueryAsync(cancellationToken);
        await using NpgsqlCommand move = new(
            """
            INSERT INTO returns.pointer_moves (from_version, to_version, reason)
            SELECT $1, $2, $3 WHERE (SELECT to_version FROM returns.pointer_moves ORDER BY id DESC LIMIT 1) IS DISTINCT FROM $2
            """,
            connection
        );
        move.AddNullable(NpgsqlDbType.Text, from);
        move.Parameters.Add(new() { Value = to });
        move.Parameters.Add(new() { Value = reason.Text() });
        await move.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>The latest models, newest first.</summary>
    public async Task<IReadOnlyList<ModelRow>> ReadAsync(int most = 50, CancellationToken cancellationToken = default) =>
        await ReadAsync("ORDER BY judged_at DESC LIMIT $1", most, cancellationToken);

    /// <summary>A published model; null when there is none with this version.</summary>
    public async Task<ModelRow?> FindPublishedAsync(string version, CancellationToken cancellationToken = default) =>
        (await ReadAsync("WHERE version = $1 AND published_at IS NOT NULL", version, cancellationToken)).FirstOrDefault();

    /// <summary>The model published before another; null when that was the first.</summary>
    public async Task<ModelRow?> FindBeforeAsync(string version, CancellationToken cancellationToken = default) =>
        (
            await ReadAsync(
                "WHERE published_at < (SELECT published_at FROM returns.models WHERE version = $1) ORDER BY published_at DESC LIMIT 1",
                version,
                cancellationToken
            )
        ).FirstOrDefault();

    /// <summary>The latest moves of the pointer, newest first.</summary>
    public async Task<IReadOnlyList<PointerMove>> ReadMovesAsync(int most = 20, CancellationToken cancellationToken = default)
    {
        List<PointerMove> moves = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT moved_at, from_version, to_version, reason FROM returns.pointer_moves ORDER BY id DESC LIMIT $1"
        );
        command.Parameters.Add(new() { Value = most });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            PointerReason reason = StoredText.Read<PointerReason>(reader.GetString(3));
            moves.Add(new PointerMove(reader.GetDateTime(0), reader.GetNullableString(1), reader.GetString(2), reason));
        }

        return moves;
    }

    private async Task<IReadOnlyList<ModelRow>> ReadAsync(string which, object argument, CancellationToken cancellationToken)
    {
        List<ModelRow> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            SELECT version, run_id, job_name, train_uri, model_uri, sha256, verdict, judgement, judged_at, published_at
            FROM returns.models {which}
            """
        );
        command.Parameters.Add(new() { Value = argument });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new ModelRow(
                    reader.GetString(0),
                    reader.GetString(1),
                    reader.GetString(2),
                    reader.GetString(3),
                    reader.GetNullableString(4),
                    reader.GetString(5),
                    StoredText.Read<ModelVerdict>(reader.GetString(6)),
                    JsonSerializer.Deserialize<JsonElement>(reader.GetString(7)),
                    reader.GetDateTime(8),
                    reader.GetNullable<DateTime>(9)
                )
            );
        }

        return rows;
    }
}
