using System.Text.Json;
using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Pipelines.Benchmark.Results;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Benchmark;

/// <summary>A version of a model in the registry.</summary>
/// <param name="Aliases">Aliases that point at it now.</param>
public sealed record VersionRow(
    string Model,
    int Version,
    string RunId,
    double Accuracy,
    string ModelUri,
    string ModelSha256,
    DateTime RegisteredAt,
    string? MlflowVersion,
    IReadOnlyList<string> Aliases
);

/// <summary>There is no such version to roll back to.</summary>
public sealed class NoSuchVersionException(string message) : PermanentFailureException(message);

/// <summary>Results, versions and aliases in schema <c>benchmark</c>.</summary>
public sealed class BenchmarkTable(NpgsqlDataSource database)
{
    private const string ResultColumns = """
        r.run_id, r.model, r.instance_id, r.state, r.reason, r.framework, r.framework_version, r.data_set, r.data_hash, r.job_name,
        r.parameters, r.least_accuracy, r.accuracy, r.precision_score, r.recall_score, r.f1_score, r.test_loss, r.train_seconds,
        r.billed_seconds, r.cost_usd, r.peak_memory_mb, r.model_uri, r.model_sha256, r.model_bytes, r.best_epoch, r.convergence, r.curve,
        r.confusion, r.started_at, r.finished_at, v.version, t.mlflow_run_id,
        coalesce(CASE WHEN t.sent_at IS NOT NULL THEN 'sent' END, t.state, 'pending')
        """;

    private const string ResultTables =
        "benchmark.results r LEFT JOIN benchmark.versions v USING (run_id, model) LEFT JOIN benchmark.tracked t USING (run_id, model)";

    /// <summary>Opens a model's row. Safe to call twice.</summary>
    public async Task BeginAsync(
        ModelOrder order,
        string instanceId,
        PreparedData? data,
        string? jobName,
        IReadOnlyDictionary<string, string> parameters,
        CancellationToken cancellationToken = default
    )
    {
        ModelDefinition model = BenchmarkModels.Get(order.Key.Model);
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO benchmark.results (run_id, model, instance_id, framework, data_set, data_hash, fingerprint, job_name, parameters,
                least_accuracy)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (run_id, model) DO NOTHING
            """
        );
        command.Add(order.Key.RunId, order.Key.Model, instanceId, model.Framework);
        command.AddNullable(NpgsqlDbType.Text, data?.Name);
        command.AddNullable(NpgsqlDbType.Text, data?.Hash);
        command.Add(order.Fingerprint);
        command.AddNullable(NpgsqlDbType.Text, jobName);
        command.AddJson(parameters);
        command.Add(model.LeastAccuracy);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Records the scores. Safe to call twice.</summary>
    public async Task MeasureAsync(
        TrainedModel trained,
        TrainingReport report,
        ModelScores scores,
        Convergence convergence,
        string sha256,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            UPDATE benchmark.results SET
                framework_version = $3, accuracy = $4, precision_score = $5, recall_score = $6, f1_score = $7, test_loss = $8,
                train_seconds = $9, billed_seconds = $10, cost_usd = $11, peak_memory_mb = $12, model_uri = $13, model_sha256 = $14,
                model_bytes = $15, best_epoch = $16, convergence = $17, curve = $18, confusion = $19
            WHERE run_id = $1 AND model = $2 AND state = 'Running'
            """
        );
        command.Add(
            trained.Key.RunId,
            trained.Key.Model,
            report.FrameworkVersion,
            scores.Accuracy,
            scores.Precision,
            scores.Recall,
            scores.F1,
            scores.Loss,
            report.Seconds,
            trained.BilledSeconds,
            trained.CostUsd,
            report.PeakMemoryMb,
            trained.ModelUri,
            sha256,
            report.ModelFiles.Sum(file => file.Bytes),
            report.BestEpoch,
            convergence.Detail
        );
        command.AddJson(report.Epochs);
        command.AddJson(scores.Confusion);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Closes a model: its state, its partition in the ledger and, if it passed, a version and its alias, in one
    /// transaction.</summary>
    /// <remarks>Safe to call twice: the first close counts, and a run registers a model once.</remarks>
    /// <returns>The version; null unless it passed.</returns>
    public async Task<int?> EndAsync(ModelEnd end, string alias, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (
            NpgsqlCommand close = new(
                """
                UPDATE benchmark.results SET state = $3, reason = $4, finished_at = now()
                WHERE run_id = $1 AND model = $2 AND state = 'Running'
                """,
                connection
            )
        )
        {
            close.Add(end.Key.RunId, end.Key.Model, end.State.ToString());
            close.AddNullable(NpgsqlDbType.Text, end.Reason);
            if (await close.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                await using NpgsqlCommand known = new(
                    "SELECT version FROM benchmark.versions WHERE run_id = $1 AND model = $2",
                    connection
                );
                known.Add(end.Key.RunId, end.Key.Model);
                return await known.ExecuteScalarAsync(cancellationToken) as int?;
            }
        }

        int? version = end.State == ModelState.Passed ? await RegisterAsync(connection, end.Key, alias, cancellationToken) : null;
        double seconds = await SecondsAsync(connection, end.Key, cancellationToken);
        PartitionOutcome outcome = new(
            end.Key.Model,
            1,
            1,
            0,
            (int)(seconds * 1000),
            end.State == ModelState.Passed ? null : $"{end.State}: {end.Reason}"
        );
        if (outcome.Succeeded)
            await Partitions.RecordPresentAsync(
                connection,
                BenchmarkPlanner.Kind,
                end.Key.RunId,
                [(outcome, end.Fingerprint)],
                cancellationToken
            );
        await transaction.CommitAsync(cancellationToken);
        if (!outcome.Succeeded)
            await new Partitions(database).RecordFailedAsync(BenchmarkPlanner.Kind, end.Key.RunId, [outcome], cancellationToken);
        return version;
    }

    /// <summary>A result; null when there is none.</summary>
    public async Task<ResultRow?> FindAsync(ModelKey key, CancellationToken cancellationToken = default) =>
        (
            await ReadAsync(
                $"SELECT {ResultColumns} FROM {ResultTables} WHERE r.run_id = $1 AND r.model = $2",
                [key.RunId, key.Model],
                cancellationToken
            )
        ).FirstOrDefault();

    /// <summary>The newest finished result of each model.</summary>
    public Task<IReadOnlyList<ResultRow>> NewestAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(
            $"""
            SELECT {ResultColumns}
            FROM (SELECT DISTINCT ON (model) * FROM benchmark.results WHERE finished_at IS NOT NULL ORDER BY model, finished_at DESC) r
            LEFT JOIN benchmark.versions v USING (run_id, model) LEFT JOIN benchmark.tracked t USING (run_id, model)
            """,
            [],
            cancellationToken
        );

    /// <summary>The newest results of a model, newest first.</summary>
    public Task<IReadOnlyList<ResultRow>> OfModelAsync(string model, int most, CancellationToken cancellationToken = default) =>
        ReadAsync(
            $"SELECT {ResultColumns} FROM {ResultTables} WHERE r.model = $1 ORDER BY r.started_at DESC LIMIT $2",
            [model, most],
            cancellationToken
        );

    /// <summary>Running results, each with its orchestration and whether its suite has ended.</summary>
    public async Task<IReadOnlyList<(ModelKey Key, string InstanceId, string Fingerprint, bool SuiteEnded)>> OpenAsync(
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT r.run_id, r.model, r.instance_id, r.fingerprint, s.state IS DISTINCT FROM 'running' FROM benchmark.results r
            LEFT JOIN operations.runs s USING (run_id) WHERE r.state = 'Running'
            """
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<(ModelKey, string, string, bool)> open = [];
        while (await reader.ReadAsync(cancellationToken))
            open.Add(
                (new ModelKey(reader.GetString(0), reader.GetString(1)), reader.GetString(2), reader.GetString(3), reader.GetBoolean(4))
            );
        return open;
    }

    /// <summary>Versions of a model, newest first.</summary>
    public async Task<IReadOnlyList<VersionRow>> VersionsAsync(string model, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT v.model, v.version, v.run_id, v.accuracy, v.model_uri, v.model_sha256, v.registered_at, v.mlflow_version,
                array(SELECT alias FROM (SELECT DISTINCT ON (alias) alias, version FROM benchmark.alias_moves WHERE model = v.model
                    ORDER BY alias, id DESC) a WHERE a.version = v.version ORDER BY alias)
            FROM benchmark.versions v WHERE v.model = $1 ORDER BY v.version DESC
            """
        );
        command.Add(model);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<VersionRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new VersionRow(
                    reader.GetString(0),
                    reader.GetInt32(1),
                    reader.GetString(2),
                    reader.GetDouble(3),
                    reader.GetString(4),
                    reader.GetString(5),
                    reader.GetDateTime(6),
                    reader.IsDBNull(7) ? null : reader.GetString(7),
                    reader.GetFieldValue<string[]>(8)
                )
            );
        }

        return rows;
    }

    /// <summary>Points the alias at an earlier version and records the move.</summary>
    /// <param name="to">Null: the version before the current one.</param>
    /// <returns>Where it pointed and where it points.</returns>
    /// <exception cref="NoSuchVersionException">There is no such version; nothing was changed.</exception>
    public async Task<(int From, int To)> RollBackAsync(
        string model,
        string alias,
        int? to,
        string reason,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await LockAsync(connection, model, cancellationToken);
        int from =
            await CurrentAsync(connection, model, alias, cancellationToken)
            ?? throw new NoSuchVersionException($"{model} has no version under the alias {alias}: nothing passed its gate yet.");
        await using (
            NpgsqlCommand find = new(
                """
                SELECT version FROM benchmark.versions WHERE model = $1 AND CASE WHEN $2::integer IS NULL THEN version < $3
                    ELSE version = $2 END ORDER BY version DESC LIMIT 1
                """,
                connection
            )
        )
        {
            find.Add(model);
            find.AddNullable(NpgsqlDbType.Integer, to);
            find.Add(from);
            to =
                await find.ExecuteScalarAsync(cancellationToken) as int?
                ?? throw new NoSuchVersionException(
                    to is null
                        ? $"{model} has no version before {from}."
                        : $"{model} has no version {to}; see GET /api/benchmark/models/{model}."
                );
        }

        if (to == from)
            throw new NoSuchVersionException($"The alias {alias} of {model} points at version {from} already.");
        await MoveAsync(connection, model, alias, to.Value, from, reason, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (from, to.Value);
    }

    /// <summary>Stores the comparison of a run. Safe to call twice.</summary>
    public async Task SaveReportAsync(
        string runId,
        Verdict verdict,
        object report,
        string markdown,
        string chart,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO benchmark.reports (run_id, verdict, report, markdown, chart) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (run_id) DO UPDATE SET verdict = EXCLUDED.verdict, report = EXCLUDED.report, markdown = EXCLUDED.markdown,
                chart = EXCLUDED.chart
            """
        );
        command.Add(runId, verdict.ToString());
        command.AddJson(report);
        command.Add(markdown, chart);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The newest comparison, or that of a run; null when there is none.</summary>
    public async Task<(string RunId, Verdict Verdict, string Json, string Markdown, string Chart)?> ReadReportAsync(
        string? runId,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT run_id, verdict, report, markdown, chart FROM benchmark.reports WHERE $1 IS NULL OR run_id = $1
            ORDER BY created_at DESC LIMIT 1
            """
        );
        command.AddNullable(NpgsqlDbType.Text, runId);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (reader.GetString(0), Enum.Parse<Verdict>(reader.GetString(1)), reader.GetString(2), reader.GetString(3), reader.GetString(4))
            : null;
    }

    private static async Task<int> RegisterAsync(
        NpgsqlConnection connection,
        ModelKey key,
        string alias,
        CancellationToken cancellationToken
    )
    {
        await LockAsync(connection, key.Model, cancellationToken);
        await using NpgsqlCommand add = new(
            """
            INSERT INTO benchmark.versions (model, version, run_id, accuracy, model_uri, model_sha256)
            SELECT model, 1 + coalesce((SELECT max(version) FROM benchmark.versions WHERE model = $2), 0), run_id, accuracy, model_uri,
                model_sha256 FROM benchmark.results WHERE run_id = $1 AND model = $2
            RETURNING version
            """,
            connection
        );
        add.Add(key.RunId, key.Model);
        int version = (int)(await add.ExecuteScalarAsync(cancellationToken))!;
        await MoveAsync(
            connection,
            key.Model,
            alias,
            version,
            await CurrentAsync(connection, key.Model, alias, cancellationToken),
            $"gate passed in {key.RunId}",
            cancellationToken
        );
        return version;
    }

    private static async Task MoveAsync(
        NpgsqlConnection connection,
        string model,
        string alias,
        int version,
        int? from,
        string reason,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand move = new(
            "INSERT INTO benchmark.alias_moves (model, alias, version, from_version, reason) VALUES ($1, $2, $3, $4, $5)",
            connection
        );
        move.Add(model, alias, version);
        move.AddNullable(NpgsqlDbType.Integer, from);
        move.Add(reason);
        await move.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<int?> CurrentAsync(
        NpgsqlConnection connection,
        string model,
        string alias,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            "SELECT version FROM benchmark.alias_moves WHERE model = $1 AND alias = $2 ORDER BY id DESC LIMIT 1",
            connection
        );
        command.Add(model, alias);
        return await command.ExecuteScalarAsync(cancellationToken) as int?;
    }

    private static async Task<double> SecondsAsync(NpgsqlConnection connection, ModelKey key, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(
            "SELECT extract(epoch FROM now() - started_at)::double precision FROM benchmark.results WHERE run_id = $1 AND model = $2",
            connection
        );
        command.Add(key.RunId, key.Model);
        return (double)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    // Serialised: versions of a model are created and moved one at a time.
    private static async Task LockAsync(NpgsqlConnection connection, string model, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(
            "SELECT pg_advisory_xact_lock(hashtextextended('benchmark versions ' || $1, 0))",
            connection
        );
        command.Add(model);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<ResultRow>> ReadAsync(string sql, object[] values, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        command.Add(values);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<ResultRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(Row(reader));
        return rows;
    }

    private static ResultRow Row(NpgsqlDataReader r)
    {
        return new ResultRow(
            r.GetString(0),
            r.GetString(1),
            r.GetString(2),
            Enum.Parse<ModelState>(r.GetString(3)),
            Text(4),
            r.GetString(5),
            Text(6),
            Text(7),
            Text(8),
            Text(9),
            JsonSerializer.Deserialize<Dictionary<string, string>>(r.GetString(10))!,
            r.GetDouble(11),
            Number(12),
            Number(13),
            Number(14),
            Number(15),
            Number(16),
            Number(17),
            Value<int>(18),
            Value<decimal>(19),
            Value<long>(20),
            Text(21),
            Text(22),
            Value<long>(23),
            Value<int>(24),
            Text(25),
            JsonSerializer.Deserialize<List<CurvePoint>>(r.GetString(26))!,
            JsonSerializer.Deserialize<List<IReadOnlyList<int>>>(r.GetString(27))!,
            r.GetDateTime(28),
            Value<DateTime>(29),
            Value<int>(30),
            Text(31),
            StoredText.Read<TrackingState>(r.GetString(32))
        );

        string? Text(int column) => r.IsDBNull(column) ? null : r.GetString(column);
        double? Number(int column) => r.IsDBNull(column) ? null : r.GetDouble(column);
        T? Value<T>(int column)
            where T : struct => r.IsDBNull(column) ? null : r.GetFieldValue<T>(column);
    }
}
