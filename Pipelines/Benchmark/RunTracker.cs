using System.Globalization;
using System.Text;
using System.Text.Json;
using Durable.Operations;
using Durable.Pipelines.Benchmark.Results;
using Durable.Pipelines.Benchmark.Tracking;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Benchmark;

/// <summary>What an export sent.</summary>
/// <param name="Waiting">Records still to send, each with the reason.</param>
public sealed record ExportResult(int Sent, int AliasMoves, IReadOnlyList<string> Waiting);

/// <summary>No tracking server is configured.</summary>
public sealed class NoTrackingServerException()
    : Durable.Operations.PermanentFailureException(
        "There is no tracking server: set Benchmark__MlflowUrl. Until then the records stay in PostgreSQL."
    );

/// <summary>Sends a model's run to the tracking server: at its start, at its end, or later. PostgreSQL has the record; the server has a
/// copy.</summary>
/// <remarks>
/// A run on the server is found by its tag <c>durable.key</c> = run and model. One writer at a time holds a lock on that key, so a repeated
/// call, after a lost answer or a kill, duplicates nothing.
/// </remarks>
public sealed class RunTracker(
    NpgsqlDataSource database,
    BenchmarkTable table,
    BenchmarkStorage storage,
    BenchmarkOptions options,
    IServiceProvider services
)
{
    public const string KeyTag = "durable.key";

    private const string ModelFolder = "model";

    /// <summary>Shows a run as <c>RUNNING</c> on the server. Without a server it does nothing.</summary>
    public async Task BeginAsync(ModelKey key, CancellationToken cancellationToken = default)
    {
        if (!options.HasMlflow || await table.FindAsync(key, cancellationToken) is not { State: ModelState.Running } row)
            return;
        await using IAsyncDisposable held = await HoldAsync(key, cancellationToken);
        MlflowRun run = await RunAsync(Client(), row, cancellationToken);
        await NoteAsync(key, run.RunId, MlflowStatus.Running, sent: false, null, cancellationToken);
    }

    /// <summary>Sends the complete record of an ended model: parameters, curves, scores, tags, artefacts, state, version and alias. Safe to
    /// call twice.</summary>
    /// <returns>False when it was already sent.</returns>
    /// <exception cref="NoTrackingServerException">No server is configured; permanent.</exception>
    /// <exception cref="MlflowUnavailableException">The server does not answer; retry.</exception>
    public async Task<bool> SendAsync(ModelKey key, CancellationToken cancellationToken = default)
    {
        if (!options.HasMlflow)
            throw new NoTrackingServerException();
        await using IAsyncDisposable held = await HoldAsync(key, cancellationToken);
        if (await table.FindAsync(key, cancellationToken) is not { FinishedAt: { } finished } row || row.Tracking == TrackingState.Sent)
            return false;
        MlflowClient client = Client();
        try
        {
            MlflowRun run = await RunAsync(client, row, cancellationToken);
            MlflowStatus status = StatusOf(row.State);
            await client.LogAsync(run.RunId, Metrics(row, Milliseconds(finished)), Parameters(row), Tags(row), cancellationToken);
            if (row.ModelUri is not null && row.Accuracy is not null)
                await SendArtifactsAsync(client, run, row, cancellationToken);
            await client.EndRunAsync(run.RunId, status, Milliseconds(finished), cancellationToken);
            if (row.Version is { } version)
                await RegisterAsync(client, run, row, version, cancellationToken);
            await NoteAsync(key, run.RunId, status, sent: true, null, cancellationToken);
            return true;
        }
        catch (Exception error) when (error is MlflowRefusedException or MlflowUnavailableException)
        {
            await NoteErrorAsync(key, error.Message, cancellationToken);
            throw;
        }
    }

    /// <summary>Sends every unsent move of an alias, in order. Safe to call twice.</summary>
    /// <returns>Moves sent.</returns>
    public async Task<int> SendAliasesAsync(CancellationToken cancellationToken = default)
    {
        if (!options.HasMlflow)
            throw new NoTrackingServerException();
        List<(long Id, string Model, string Alias, string Version)> moves = [];
        await using (
            NpgsqlCommand command = database.CreateCommand(
                """
                SELECT m.id, m.model, m.alias, v.mlflow_version FROM benchmark.alias_moves m
                JOIN benchmark.versions v USING (model, version)
                WHERE m.sent_at IS NULL AND v.mlflow_version IS NOT NULL ORDER BY m.id
                """
            )
        )
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                moves.Add((reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3)));
        }

        foreach ((long id, string model, string alias, string version) in moves)
        {
            await Client().SetAliasAsync(BenchmarkModels.Get(model).RegisteredName, alias, version, cancellationToken);
            await using NpgsqlCommand sent = database.CreateCommand("UPDATE benchmark.alias_moves SET sent_at = now() WHERE id = $1");
            sent.Parameters.Add(new() { Value = id });
            await sent.ExecuteNonQueryAsync(cancellationToken);
        }

        return moves.Count;
    }

    /// <summary>Sends every ended and unsent record once.</summary>
    public async Task<ExportResult> ExportAsync(CancellationToken cancellationToken = default)
    {
        if (!options.HasMlflow)
            throw new NoTrackingServerException();
        int sent = 0;
        List<string> waiting = [];
        foreach (ModelKey key in await UnsentAsync(cancellationToken))
        {
            try
            {
                if (await SendAsync(key, cancellationToken))
                    sent++;
            }
            catch (Exception error) when (error is MlflowRefusedException or MlflowUnavailableException or ModelOutputException)
            {
                waiting.Add($"{key.RunId} {key.Model}: {error.Message}");
                if (error is MlflowUnavailableException)
                    break; // the next one would only time out, too
            }
        }

        int moves = 0;
        try
        {
            moves = await SendAliasesAsync(cancellationToken);
        }
        catch (Exception error) when (error is MlflowRefusedException or MlflowUnavailableException)
        {
            waiting.Add($"aliases: {error.Message}");
        }

        return new ExportResult(sent, moves, waiting);
    }

    private static MlflowStatus StatusOf(ModelState state) =>
        state switch
        {
            ModelState.Passed or ModelState.GateFailed => MlflowStatus.Finished,
            ModelState.Cancelled => MlflowStatus.Killed,
            _ => MlflowStatus.Failed,
        };

    private async Task<MlflowRun> RunAsync(MlflowClient client, ResultRow row, CancellationToken cancellationToken)
    {
        string experiment = await client.EnsureExperimentAsync(options.Experiment, cancellationToken);
        return await client.EnsureRunAsync(
            experiment,
            row.Model,
            (KeyTag, $"{row.RunId}/{row.Model}"),
            Milliseconds(row.StartedAt),
            new Dictionary<string, string>
            {
                ["mlflow.user"] = "durable",
                ["mlflow.source.name"] = "durable benchmark",
                ["framework"] = row.Framework,
                ["suite"] = row.RunId,
            },
            cancellationToken
        );
    }

    private async Task SendArtifactsAsync(MlflowClient client, MlflowRun run, ResultRow row, CancellationToken cancellationToken)
    {
        try
        {
            foreach ((string name, byte[] content) in await storage.ReadArchiveAsync(row.ModelUri!, cancellationToken))
                await client.PutArtifactAsync(run, $"{ModelFolder}/{name}", content, "application/octet-stream", cancellationToken);
            await client.PutArtifactAsync(
                run,
                $"{ModelFolder}/MLmodel",
                Encoding.UTF8.GetBytes(ModelFile(run, row)),
                "text/yaml",
                cancellationToken
            );
            await client.PutArtifactAsync(
                run,
                "loss-curve.svg",
                Encoding.UTF8.GetBytes(LossCurve(row)),
                "image/svg+xml",
                cancellationToken
            );
            await client.PutArtifactAsync(
                run,
                "confusion-matrix.json",
                JsonSerializer.SerializeToUtf8Bytes(row.Confusion),
                "application/json",
                cancellationToken
            );
        }
        catch (MlflowRefusedException refused)
        {
            await client.SetTagAsync(run.RunId, "durable.artifacts", refused.Message, cancellationToken); // keep the numbers without them
        }
    }

    private async Task RegisterAsync(MlflowClient client, MlflowRun run, ResultRow row, int version, CancellationToken cancellationToken)
    {
        string name = BenchmarkModels.Get(row.Model).RegisteredName;
        MlflowVersion registered = await client.EnsureVersionAsync(name, run, ModelFolder, cancellationToken);
        await client.DescribeVersionAsync(
            name,
            registered.Version,
            FormattableString.Invariant(
                $"Gate passed: accuracy {row.Accuracy:0.0000}, least {row.LeastAccuracy:0.##}. Version {version} of {row.Model} in PostgreSQL."
            ),
            cancellationToken
        );
        await client.TagVersionAsync(
            name,
            registered.Version,
            "accuracy",
            row.Accuracy!.Value.ToString("R", CultureInfo.InvariantCulture),
            cancellationToken
        );
        await client.TagVersionAsync(name, registered.Version, "sha256", row.ModelSha256 ?? "", cancellationToken);
        await using NpgsqlCommand command = database.CreateCommand(
            "UPDATE benchmark.versions SET mlflow_version = $3 WHERE model = $1 AND version = $2"
        );
        command.Parameters.Add(new() { Value = row.Model });
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = registered.Version });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static IReadOnlyList<MlflowMetric> Metrics(ResultRow row, long endMs)
    {
        List<MlflowMetric> metrics = [];
        double elapsed = 0;
        foreach (CurvePoint point in row.Curve)
        {
            elapsed += point.Seconds;
            long at = endMs - (long)(((row.TrainSeconds ?? 0) - elapsed) * 1000);
            metrics.Add(new MlflowMetric("train_loss", point.TrainLoss, at, point.Epoch));
            metrics.Add(new MlflowMetric("validation_loss", point.ValidationLoss, at, point.Epoch));
            metrics.Add(new MlflowMetric("validation_accuracy", point.ValidationAccuracy, at, point.Epoch));
        }

        foreach (
            (string name, double? value) in ((string, double?)[])
                [
                    ("accuracy", row.Accuracy),
                    ("precision", row.Precision),
                    ("recall", row.Recall),
                    ("f1_score", row.F1),
                    ("test_loss", row.TestLoss),
                    ("train_seconds", row.TrainSeconds),
                    ("model_bytes", row.ModelBytes),
                    ("peak_memory_mb", row.PeakMemoryMb),
                    ("billed_seconds", row.BilledSeconds),
                    ("cost_usd", (double?)row.CostUsd),
                    ("best_epoch", row.BestEpoch),
                ]
        )
        {
            if (value is { } number)
                metrics.Add(new MlflowMetric(name, number, endMs, 0));
        }

        return metrics;
    }

    private static Dictionary<string, string> Parameters(ResultRow row) =>
        new(row.Parameters)
        {
            ["framework_version"] = row.FrameworkVersion ?? "",
            ["data_set"] = row.DataSet ?? "",
            ["data_hash"] = row.DataHash ?? "",
        };

    private static Dictionary<string, string> Tags(ResultRow row)
    {
        Dictionary<string, string> tags = new()
        {
            ["durable.state"] = row.State.ToString(),
            ["gate"] = FormattableString.Invariant($"accuracy > {row.LeastAccuracy:0.##}"),
        };
        if (row.Reason is not null)
            tags["durable.reason"] = Durable.Postgres.Redaction.Redact(row.Reason);
        if (row.JobName is not null)
            tags["training_job"] = row.JobName;
        if (row.Convergence is not null)
            tags["convergence"] = row.Convergence;
        return tags;
    }

    private static string LossCurve(ResultRow row) =>
        CurveChart.Draw(
            BenchmarkModels.Get(row.Model).Title,
            "loss",
            [
                new ChartLine("training", [.. row.Curve.Select(point => ((double)point.Epoch, point.TrainLoss))]),
                new ChartLine("validation", [.. row.Curve.Select(point => ((double)point.Epoch, point.ValidationLoss))]),
            ]
        );

    /// <summary>The MLmodel file of a folder: which framework reads which file.</summary>
    private static string ModelFile(MlflowRun run, ResultRow row)
    {
        string flavor = row.Framework switch
        {
            "xgboost" =>
                $"  xgboost:\n    data: model.json\n    model_class: xgboost.core.Booster\n    model_format: json\n    xgb_version: '{row.FrameworkVersion}'\n",
            "lightgbm" =>
                $"  lightgbm:\n    data: model.txt\n    model_class: lightgbm.basic.Booster\n    lgb_version: '{row.FrameworkVersion}'\n",
            "tensorflow" => $"  tensorflow:\n    data: model.keras\n    model_type: keras\n    keras_version: '{row.FrameworkVersion}'\n",
            _ => $"  state_dict:\n    data: model.pth\n    pytorch_version: '{row.FrameworkVersion}'\n",
        };
        return $"artifact_path: {ModelFolder}\nflavors:\n{flavor}run_id: {run.RunId}\nutc_time_created: '{row.StartedAt:yyyy-MM-dd HH:mm:ss.ffffff}'\n";
    }

    private static long Milliseconds(DateTime time) =>
        new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)).ToUnixTimeMilliseconds();

    private MlflowClient Client() => (MlflowClient)services.GetService(typeof(MlflowClient))!;

    private async Task<IReadOnlyList<ModelKey>> UnsentAsync(CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT run_id, model FROM benchmark.results LEFT JOIN benchmark.tracked USING (run_id, model)
            WHERE finished_at IS NOT NULL AND sent_at IS NULL ORDER BY finished_at, model
            """
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<ModelKey> keys = [];
        while (await reader.ReadAsync(cancellationToken))
            keys.Add(new ModelKey(reader.GetString(0), reader.GetString(1)));
        return keys;
    }

    private async Task NoteAsync(
        ModelKey key,
        string mlflowRunId,
        MlflowStatus status,
        bool sent,
        string? error,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO benchmark.tracked (run_id, model, mlflow_run_id, state, sent_at, error)
            VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END, $6)
            ON CONFLICT (run_id, model) DO UPDATE SET mlflow_run_id = EXCLUDED.mlflow_run_id, state = EXCLUDED.state,
                sent_at = EXCLUDED.sent_at, error = EXCLUDED.error
            """
        );
        command.Add(key.RunId, key.Model, mlflowRunId, status.Text(), sent);
        command.AddNullable(NpgsqlDbType.Text, error);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task NoteErrorAsync(ModelKey key, string error, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO benchmark.tracked (run_id, model, error) VALUES ($1, $2, $3) ON CONFLICT (run_id, model) DO UPDATE
            SET error = EXCLUDED.error
            """
        );
        command.Add(key.RunId, key.Model, error);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Until disposed, blocks other writers of this key on every host.</summary>
    private async Task<IAsyncDisposable> HoldAsync(ModelKey key, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using NpgsqlCommand command = new(
                "SELECT pg_advisory_xact_lock(hashtextextended('benchmark tracking ' || $1, 0))",
                connection
            )
            {
                Parameters = { new() { Value = $"{key.RunId}/{key.Model}" } },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
            return new Hold(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private sealed record Hold(NpgsqlConnection Connection, NpgsqlTransaction Transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Transaction.DisposeAsync();
            await Connection.DisposeAsync();
        }
    }
}
