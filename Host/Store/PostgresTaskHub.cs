using System.Globalization;
using System.Text;
using Durable.Host.History;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>The task hub for clients, on PostgreSQL. A send is one transaction: the message and the count that wakes the instance's
/// holder.</summary>
internal sealed class PostgresTaskHub(HubDatabase database, InstanceSignals signals, HubSettings settings) : ITaskHub
{
    private const string Columns = """
        instance_id, execution_id, name, version, status, CASE WHEN $1 THEN input END,
            CASE WHEN $2 THEN output END, output_is_text, custom_status, failure,
        created_at, updated_at, completed_at, scheduled_start, tags, parent_id
        """;

    private static readonly TimeSpan LongestPoll = TimeSpan.FromMilliseconds(500);
    private int looking;

    /// <inheritdoc />
    public string Name => settings.HubName;

    /// <inheritdoc />
    public Task<StartOutcome> StartAsync(StartRequest request, CancellationToken cancellation = default) =>
        WithRetry(
            "start instance",
            async connection =>
            {
                Guid execution = request.ExecutionId;
                short[] kept = [.. request.Kept.Select(status => (short)status)];
                await using NpgsqlBatch batch = new(connection);
                InstanceSql.DropFinishedRuns(batch, [request.InstanceId], kept);
                NpgsqlBatchCommand start = new(
                    """
                    WITH asked AS (SELECT $1::text AS instance_id, $2::uuid AS execution_id, $3::text AS name, $4::text AS version,
                        $5::text AS input, $6::text AS tags,
                        $7::text AS trace_parent, NULL::text AS parent, NULL::text AS parent_id)
                    """
                        + InstanceSql.InsertAsked
                        + " AND i.status <> ALL ($8) RETURNING i.execution_id"
                )
                {
                    Parameters =
                    {
                        Text(request.InstanceId),
                        new NpgsqlParameter<Guid> { TypedValue = execution },
                        Text(request.Name),
                        Text(request.Version),
                        Text(request.Input),
                        Text(HubJson.Write(request.Tags)),
                        Text(request.TraceParent),
                        new NpgsqlParameter<short[]> { TypedValue = kept },
                    },
                };
                batch.BatchCommands.Add(start);
                if (request.StartAt is { } at)
                {
                    // It must not run early: nothing counts as sent yet, and the due time wakes it.
                    batch.BatchCommands.Add(
                        new NpgsqlBatchCommand(
                            """
                            UPDATE instances SET scheduled_start = $3, due_at = $3, sent = sent - 1
                            WHERE instance_id = $1 AND execution_id = $2 AND $3 > now() AND sent > handled AND scheduled_start IS NULL
                            """
                        )
                        {
                            Parameters =
                            {
                                Text(request.InstanceId),
                                new NpgsqlParameter<Guid> { TypedValue = execution },
                                new NpgsqlParameter<DateTime> { TypedValue = at.UtcDateTime },
                            },
                        }
                    );
                }

                batch.BatchCommands.Add(
                    new NpgsqlBatchCommand("SELECT status, execution_id = $2 FROM instances WHERE instance_id = $1")
                    {
                        Parameters =
                        {
                            Text(request.InstanceId),
                            new NpgsqlParameter<Guid> { TypedValue = execution },
                        },
                    }
                );
                batch.BatchCommands.Add(Notify());
                await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellation);
                while (reader.FieldCount != 2)
                {
                    await reader.NextResultAsync(cancellation);
                }

                await reader.ReadAsync(cancellation);
                return new StartOutcome(reader.GetBoolean(1), (OrchestrationRuntimeStatus)reader.GetInt16(0));
            },
            cancellation
        );

    /// <inheritdoc />
    public Task<InstanceRecord?> GetAsync(string instanceId, bool payloads, CancellationToken cancellation = default, bool input = true) =>
        database.RunAsync(
            "get instance",
            async connection =>
            {
                await using NpgsqlCommand command = new($"SELECT {Columns} FROM instances WHERE instance_id = $3", connection)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<bool> { TypedValue = payloads && input },
                        new NpgsqlParameter<bool> { TypedValue = payloads },
                        Text(instanceId),
                    },
                };
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
                return await reader.ReadAsync(cancellation) ? Read(reader) : null;
            },
            cancellation
        );

    /// <inheritdoc />
    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string instanceId, CancellationToken cancellation = default) =>
        database.RunAsync<IReadOnlyList<HistoryEvent>>(
            "read history",
            async connection =>
            {
                await using NpgsqlCommand command = new(
                    """
                    SELECT i.input, h.kind, h.task_id, h.at, h.name, h.data, h.detail
                    FROM instances i JOIN history h USING (run_no) WHERE i.instance_id = $1 ORDER BY h.sequence
                    """,
                    connection
                )
                {
                    Parameters = { Text(instanceId) },
                };
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
                List<HistoryEvent> history = [];
                while (await reader.ReadAsync(cancellation))
                {
                    history.Add(WorkSource.ReadEvent(reader, 1, reader.IsDBNull(0) ? null : reader.GetString(0)));
                }

                return history;
            },
            cancellation
        );

    /// <inheritdoc />
    public Task<InstancePage> ListAsync(InstanceQuery query, CancellationToken cancellation = default) =>
        database.RunAsync(
            "list instances",
            async connection =>
            {
                await using NpgsqlCommand command = new()
                {
                    Connection = connection,
                    Parameters =
                    {
                        new NpgsqlParameter<bool> { TypedValue = query.Payloads && query.Inputs },
                        new NpgsqlParameter<bool> { TypedValue = query.Payloads },
                        new NpgsqlParameter<int> { TypedValue = query.PageSize },
                        new NpgsqlParameter<long> { TypedValue = InstanceQuery.MostBytes },
                    },
                };
                string where = Where(query, command.Parameters);
                string order = query.NewestFirst ? "created_at DESC, instance_id DESC" : "instance_id";

                // Sizes come first: they need no reading of values, so only the page's values are read.
                command.CommandText = $"""
                    WITH found AS MATERIALIZED (
                        SELECT instance_id, created_at, COALESCE(octet_length(custom_status), 0)::bigint +
                            CASE WHEN $1 THEN COALESCE(octet_length(input), 0) ELSE 0 END
                            + CASE WHEN $2 THEN COALESCE(octet_length(output), 0) ELSE 0 END AS bytes
                        FROM instances WHERE {where} ORDER BY {order} LIMIT $3 + 1),
                    placed AS (SELECT instance_id, row_number() OVER w AS place, sum(bytes) OVER w - bytes AS before
                        FROM found WINDOW w AS (ORDER BY {order}))
                    SELECT {Columns}, (SELECT count(*) FROM found) FROM instances JOIN placed USING (instance_id)
                    WHERE place <= $3 AND before < $4 ORDER BY place
                    """;
                List<InstanceRecord> page = [];
                long found = 0;
                await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation))
                {
                    while (await reader.ReadAsync(cancellation))
                    {
                        page.Add(Read(reader));
                        found = reader.GetInt64(16);
                    }
                }

                string? next =
                    found <= page.Count ? null
                    : query.NewestFirst
                        ? string.Create(CultureInfo.InvariantCulture, $"{page[^1].CreatedAt.UtcDateTime:O} {page[^1].InstanceId}")
                    : page[^1].InstanceId;
                return new InstancePage(page, next);
            },
            cancellation
        );

    /// <inheritdoc />
    public async Task<SendOutcome> SendAsync(string instanceId, HistoryEvent message, CancellationToken cancellation = default)
    {
        short[] accepting = message.Kind switch
        {
            EventKind.ExecutionRewound => [3],
            EventKind.ExecutionSuspended => [0, 6],
            EventKind.ExecutionResumed => [7],
            _ => [0, 6, 7],
        };
        while (true)
        {
            SendOutcome outcome = await SendOnceAsync(instanceId, message, accepting, cancellation);

            // The status may be older than a concurrent change: read it again.
            if (outcome is not { Result: SendResult.WrongState, Status: { } seen } || !accepting.Contains((short)seen))
            {
                return outcome;
            }
        }
    }

    // A suspend or resume waiting in the inbox counts as done for the next one: commands of one sender stay in order. An instance before
    // its scheduled start has no history to record it: its row is changed, and its holder loses it.
    private const string SuspendOrResumeSql = """
        WITH asked AS MATERIALIZED (
            SELECT i.instance_id, i.status, i.history_length = 0 AND i.scheduled_start IS NOT NULL
                AND ($3 = 4 AND i.status = 7 OR $3 = 3 AND i.scheduled_start > now()) AS early,
                COALESCE((SELECT CASE b.kind WHEN 3 THEN 7 ELSE 0 END FROM inbox b WHERE b.instance_id = i.instance_id
                    AND b.kind IN (3, 4) ORDER BY b.message_id DESC LIMIT 1),
                    i.status) AS becomes
            FROM instances i WHERE i.instance_id = $1 AND i.status IN (0, 6, 7) FOR NO KEY UPDATE),
        told AS (
            UPDATE instances i SET sent = i.sent + 1 FROM asked a
            WHERE i.instance_id = a.instance_id AND NOT a.early AND a.becomes = ANY($2) RETURNING i.instance_id),
        put AS (INSERT INTO inbox (instance_id, kind, task_id, name, data, detail) SELECT instance_id, $3, $4, $5, $6, $7 FROM told),
        changed AS (
            UPDATE instances i SET status = CASE WHEN $3 = 3 THEN 7 ELSE 6 END, due_at = CASE WHEN $3 = 3 THEN NULL
                ELSE i.scheduled_start END,
                output = COALESCE($6, ''), output_is_text = true, updated_at = now(), owner = NULL, lease_epoch = i.lease_epoch + 1
            FROM asked a WHERE i.instance_id = a.instance_id AND a.early AND a.status = ANY($2) RETURNING i.instance_id)
        SELECT COALESCE((SELECT CASE WHEN a.early THEN a.status ELSE a.becomes END FROM asked a), i.status)::smallint,
            EXISTS (SELECT 1 FROM told UNION ALL SELECT 1 FROM changed)
        FROM instances i WHERE i.instance_id = $1
        """;

    private const string SendSql = """
        WITH told AS (UPDATE instances SET sent = sent + 1 WHERE instance_id = $1 AND status = ANY($2) RETURNING instance_id, status),
        put AS (INSERT INTO inbox (instance_id, kind, task_id, name, data, detail) SELECT instance_id, $3, $4, $5, $6, $7 FROM told)
        SELECT i.status, EXISTS (SELECT 1 FROM told) FROM instances i WHERE i.instance_id = $1
        """;

    private Task<SendOutcome> SendOnceAsync(string instanceId, HistoryEvent message, short[] accepting, CancellationToken cancellation) =>
        WithRetry(
            "send message",
            async connection =>
            {
                await using NpgsqlBatch batch = new(connection)
                {
                    BatchCommands =
                    {
                        new NpgsqlBatchCommand(
                            message.Kind is EventKind.ExecutionSuspended or EventKind.ExecutionResumed ? SuspendOrResumeSql : SendSql
                        )
                        {
                            Parameters =
                            {
                                Text(instanceId),
                                new NpgsqlParameter<short[]> { TypedValue = accepting },
                                new NpgsqlParameter<short> { TypedValue = (short)message.Kind },
                                new NpgsqlParameter<int> { TypedValue = message.TaskId },
                                Text(message.Name),
                                Text(message.Data),
                                Text(HubJson.Write(message.Detail)),
                            },
                        },
                        Notify(),
                    },
                };
                await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellation);
                if (!await reader.ReadAsync(cancellation))
                {
                    return new SendOutcome(SendResult.NotFound, null);
                }

                OrchestrationRuntimeStatus status = (OrchestrationRuntimeStatus)reader.GetInt16(0);
                bool finished =
                    status
                    is OrchestrationRuntimeStatus.Completed
                        or OrchestrationRuntimeStatus.Failed
                        or OrchestrationRuntimeStatus.Terminated;
                return new SendOutcome(
                    reader.GetBoolean(1) ? SendResult.Accepted
                        : finished ? SendResult.Finished
                        : SendResult.WrongState,
                    status
                );
            },
            cancellation
        );

    /// <inheritdoc />
    public async Task<int> PurgeAsync(string instanceId, bool recursive, CancellationToken cancellation = default)
    {
        int purged = await PurgeBatchAsync(
            "SELECT instance_id, run_no, history_length FROM instances WHERE instance_id = $1",
            recursive,
            [Text(instanceId)],
            cancellation
        );
        signals.Changed(instanceId, ended: true);
        return purged;
    }

    /// <inheritdoc />
    public Task<int> PurgeAsync(InstanceQuery query, bool recursive, CancellationToken cancellation = default)
    {
        using NpgsqlCommand parameters = new();
        string where = Where(query with { After = null }, parameters.Parameters);
        NpgsqlParameter[] values = [.. parameters.Parameters.Cast<NpgsqlParameter>()];
        parameters.Parameters.Clear();
        return PurgeWhereAsync(where, recursive, values, cancellation);
    }

    /// <inheritdoc />
    public async Task<InstanceRecord?> WaitAsync(
        string instanceId,
        bool completion,
        bool payloads,
        CancellationToken cancellation = default
    )
    {
        bool registered = false;
        while (true)
        {
            // Registered before the first query, so that no change between the two is missed; that query settles most waits.
            Task change = registered ? signals.Next(instanceId, completion) : Task.CompletedTask;
            InstanceRecord? found = await GetAsync(instanceId, payloads, cancellation);
            if (found is null || (completion ? found.CompletedAt is not null : found.Status != OrchestrationRuntimeStatus.Pending))
            {
                signals.Changed(instanceId, found is null || found.CompletedAt is not null);
                return found;
            }

            if (registered)
            {
                LookForOthers();
                await change.WaitAsync(cancellation);
            }

            registered = true;
        }
    }

    /// <summary>Changes by this process wake its waits directly. One query for all waits, twice a second, finds changes by other
    /// processes.</summary>
    private void LookForOthers()
    {
        if (Interlocked.CompareExchange(ref looking, 1, 0) == 0)
        {
            _ = Task.Run(LookAsync);
        }
    }

    private async Task LookAsync()
    {
        try
        {
            while (signals.Waited is { Count: > 0 } waited)
            {
                await Task.Delay(LongestPoll);
                try
                {
                    await LookOnceAsync([.. waited]);
                }
                catch (Exception e) when (HubDatabase.IsTransient(e))
                {
                    // Keep waiting; the engine reports the outage.
                }
            }
        }
        catch (ObjectDisposedException)
        {
            return; // the host has stopped, and its waits with it
        }
        finally
        {
            Volatile.Write(ref looking, 0);
        }

        if (signals.Waited.Count > 0)
        {
            LookForOthers();
        }
    }

    private Task<int> LookOnceAsync(string[] waited) =>
        database.RunAsync(
            "look for waits",
            async connection =>
            {
                await using NpgsqlCommand command = new(
                    """
                    SELECT w.id, i.instance_id IS NULL OR i.completed_at IS NOT NULL FROM unnest($1::text[]) AS w (id)
                    LEFT JOIN instances i ON i.instance_id = w.id WHERE i.status IS DISTINCT FROM 6
                    """,
                    connection
                )
                {
                    Parameters = { new NpgsqlParameter<string[]> { TypedValue = waited } },
                };
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
                int changed = 0;
                while (await reader.ReadAsync())
                {
                    signals.Changed(reader.GetString(0), reader.GetBoolean(1));
                    changed++;
                }

                return changed;
            },
            CancellationToken.None
        );

    /// <summary>Deletes a batch of the oldest instances that ended more than <paramref name="kept"/> ago. A child is kept while its parent
    /// runs.</summary>
    /// <returns>Instances deleted; 0 when none is left.</returns>
    public Task<int> PurgeOldAsync(TimeSpan kept, CancellationToken cancellation) =>
        PurgeBatchAsync(OldSql, recursive: false, [new NpgsqlParameter<TimeSpan> { TypedValue = kept }], cancellation);

    internal const string OldSql = """
        SELECT i.instance_id, i.run_no, i.history_length FROM instances i
        WHERE i.completed_at < now() - $1 AND NOT EXISTS (SELECT 1 FROM instances p WHERE p.instance_id = i.parent_id
            AND p.completed_at IS NULL)
        ORDER BY i.completed_at
        """;

    private async Task<int> PurgeWhereAsync(string where, bool recursive, NpgsqlParameter[] parameters, CancellationToken cancellation)
    {
        int purged = 0;
        while (
            await PurgeBatchAsync(
                $"SELECT instance_id, run_no, history_length FROM instances WHERE {where}",
                recursive,
                parameters,
                cancellation
            )
                is > 0
                    and int batch
        )
        {
            purged += batch;
        }

        return purged;
    }

    /// <summary>Deletes some of what <paramref name="select"/> finds: few enough instances and events not to disturb running
    /// work.</summary>
    private Task<int> PurgeBatchAsync(string select, bool recursive, NpgsqlParameter[] parameters, CancellationToken cancellation) =>
        database.RunAsync(
            "purge",
            async connection =>
            {
                string recursion = recursive
                    ? "UNION SELECT i.instance_id, i.run_no FROM instances i JOIN chosen c ON i.parent_id = c.instance_id"
                    : string.Empty;
                await using NpgsqlCommand command = new(
                    $"""
                    WITH RECURSIVE found AS MATERIALIZED ({select} LIMIT 200),
                    counted AS (SELECT instance_id, run_no, history_length, sum(history_length) OVER (ORDER BY instance_id) AS events
                        FROM found),
                    chosen AS (SELECT instance_id, run_no FROM counted WHERE events - history_length < 50000 {recursion}),
                    """
                        + """

                        gone AS (DELETE FROM instances i USING chosen c WHERE i.instance_id = c.instance_id RETURNING i.instance_id, i.run_no),
                        h AS (DELETE FROM history WHERE run_no IN (SELECT run_no FROM gone)),
                        a AS (DELETE FROM activities WHERE run_no IN (SELECT run_no FROM gone)),
                        m AS (DELETE FROM inbox WHERE instance_id IN (SELECT instance_id FROM gone))
                        SELECT count(*)::int FROM gone
                        """,
                    connection
                );
                foreach (NpgsqlParameter parameter in parameters)
                {
                    command.Parameters.Add(parameter.Clone());
                }

                return (int)(await command.ExecuteScalarAsync(cancellation))!;
            },
            cancellation
        );

    /// <summary>Conditions of a query, with values as parameters.</summary>
    private static string Where(InstanceQuery query, NpgsqlParameterCollection parameters)
    {
        StringBuilder where = new("true");
        void And(string condition, NpgsqlParameter value)
        {
            parameters.Add(value);
            where.Append(
                CultureInfo.InvariantCulture,
                $" AND {condition.Replace("?", "$" + parameters.Count.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)}"
            );
        }

        if (query.CreatedFrom is { } from)
        {
            And("created_at >= ?", new NpgsqlParameter<DateTime> { TypedValue = from.UtcDateTime });
        }

        if (query.CreatedTo is { } to)
        {
            And("created_at <= ?", new NpgsqlParameter<DateTime> { TypedValue = to.UtcDateTime });
        }

        if (query.Statuses is { Count: > 0 } statuses)
        {
            // In the text, not a parameter: otherwise a partial index cannot be used. The values are numbers of an enumeration.
            where.Append(
                CultureInfo.InvariantCulture,
                $" AND status IN ({string.Join(", ", statuses.Select(s => ((short)s).ToString(CultureInfo.InvariantCulture)))})"
            );
        }

        if (!string.IsNullOrEmpty(query.InstanceIdPrefix))
        {
            And("starts_with(instance_id, ?)", Text(query.InstanceIdPrefix));
        }

        if (query.InstanceId is { } instanceId)
        {
            And("instance_id = ?", Text(instanceId));
        }

        if (query is { After: { } place, NewestFirst: true })
        {
            string[] parts = place.Split(' ', 2);
            bool read =
                DateTime.TryParseExact(parts[0], "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTime created)
                && parts.Length == 2;
            And(
                "(created_at, instance_id) < (?, ",
                new NpgsqlParameter<DateTime> { TypedValue = read ? created.ToUniversalTime() : DateTime.UnixEpoch }
            );
            parameters.Add(Text(parts[^1]));
            where.Append(CultureInfo.InvariantCulture, $"${parameters.Count})");
        }
        else if (query.After is { } after)
        {
            And("instance_id > ?", Text(after));
        }

        return where.ToString();
    }

    /// <summary>Retries when the database chose this transaction as a deadlock victim.</summary>
    private async Task<T> WithRetry<T>(string operation, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                T result = await database.RunAsync(operation, work, cancellation);
                signals.Tell();
                return result;
            }
            catch (PostgresException e)
                when (e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure && attempt < 5)
            {
                await Task.Delay(10 * attempt, cancellation);
            }
        }
    }

    private static InstanceRecord Read(NpgsqlDataReader reader) =>
        new(
            reader.GetString(0),
            reader.GetGuid(1).ToString("N"),
            reader.GetString(2),
            Text(reader, 3),
            (OrchestrationRuntimeStatus)reader.GetInt16(4),
            Text(reader, 5),
            Text(reader, 6),
            reader.GetBoolean(7),
            Text(reader, 8),
            HubJson.ReadFailure(Text(reader, 9)),
            reader.GetFieldValue<DateTimeOffset>(10),
            reader.GetFieldValue<DateTimeOffset>(11),
            Time(reader, 12),
            Time(reader, 13),
            HubJson.ReadTags(Text(reader, 14)),
            Text(reader, 15)
        );

    private NpgsqlBatchCommand Notify() =>
        new("SELECT pg_notify($1, $2)") { Parameters = { Text(database.Channel), Text(database.Sender) } };

    private static string? Text(NpgsqlDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);

    private static DateTimeOffset? Time(NpgsqlDataReader reader, int ordinal) =>
        reader.IsDBNull(ordinal) ? null : reader.GetFieldValue<DateTimeOffset>(ordinal);

    private static NpgsqlParameter Text(string? value) => HubText.Parameter(value);
}
