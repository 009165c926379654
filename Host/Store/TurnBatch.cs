using Durable.Host.History;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Host.Store;

/// <summary>The statements of one transaction over many turns and results, sent in one round trip.</summary>
internal sealed class TurnBatch(NpgsqlConnection connection, long hostNo, string channel, string sender) : IAsyncDisposable
{
    private const string Finished = "(1, 3, 4, 5)";

    // A child of a rewound parent that will never answer: terminated, or replaced by another parent's.
    private const string Gone = "(i.status IN (4, 5) OR i.status = 1 AND i.parent_id IS DISTINCT FROM c.parent_id)";

    private readonly NpgsqlBatch batch = new(connection);
    private bool leftInstances;
    private bool leftActivities;

    /// <summary>Work this transaction leaves for any host.</summary>
    public WorkLeft Left => new(leftInstances, leftActivities);

    /// <summary>Adds the statements, in lock order.</summary>
    public void Add(IReadOnlyList<HubWriter.PendingTurn> pending, IReadOnlyList<HubWriter.PendingResult> results)
    {
        TurnWrite[] turns = [.. pending.Select(p => p.Write)];
        OutgoingMessage[] messages = [.. turns.SelectMany(turn => turn.Messages)];
        (TurnWrite Turn, StartChildAction Child)[] children = [.. turns.SelectMany(turn => turn.Children.Select(child => (turn, child)))];
        Fence(
            turns,
            [
                .. messages
                    .Select(m => m.InstanceId)
                    .Concat(children.Select(c => c.Child.InstanceId))
                    .Concat(results.Select(r => r.Result.InstanceId))
                    .Distinct(),
            ]
        );
        UpdateInstances(turns);
        Rewrite(turns);
        Append(turns);
        Activities(pending);
        Results(results);
        Children(children);
        Messages(messages);
        Continue(turns);
        Clear(turns);
        leftInstances = children.Length > 0 || messages.Length > 0 || results.Count > 0 || turns.Any(t => t.Continuation is not null);
        if (leftInstances || leftActivities)
        {
            Command("SELECT pg_notify($1, $2)", Text(channel), Text(sender));
        }
    }

    /// <summary>Sends them, all or nothing.</summary>
    public Task ExecuteAsync(CancellationToken cancellation) => batch.ExecuteNonQueryAsync(cancellation);

    /// <inheritdoc />
    public ValueTask DisposeAsync() => batch.DisposeAsync();

    private void Fence(TurnWrite[] turns, string[] others)
    {
        if (turns.Length > 0 || others.Length > 0)
        {
            (long MessageId, long Place)[] consumed = [.. turns.SelectMany((t, index) => t.Consumed.Select(id => (id, index + 1L)))];
            Command(
                "SELECT fence_turns($1, $2, $3, $4, $5, $6, $7)",
                new NpgsqlParameter<long> { TypedValue = hostNo },
                Texts(turns, t => t.InstanceId),
                Longs(turns, t => t.Epoch),
                Longs(turns, t => t.TurnNo),
                Texts(others, id => id),
                Longs(consumed, c => c.MessageId),
                Longs(consumed, c => c.Place)
            );
        }
    }

    private void UpdateInstances(TurnWrite[] turns)
    {
        if (turns.Length == 0)
        {
            return;
        }

        Command(
            """
            UPDATE instances i SET
                status = t.status, turn_no = i.turn_no + 1, history_length = t.length, due_at = t.due,
                handled = CASE WHEN t.ends THEN i.sent ELSE GREATEST(i.handled, t.handled) END,
                custom_status = CASE WHEN t.sets_custom THEN t.custom ELSE i.custom_status END,
                output = CASE WHEN t.ends OR t.rewinds OR t.output IS NOT NULL THEN t.output ELSE i.output END,
                output_is_text = CASE WHEN t.ends OR t.rewinds OR t.output IS NOT NULL THEN t.is_text ELSE i.output_is_text END,
                failure = CASE WHEN t.ends OR t.rewinds THEN t.failure ELSE i.failure END, updated_at = now(),
                completed_at = CASE WHEN t.ends THEN now() WHEN t.rewinds THEN NULL ELSE i.completed_at END,
                owner = CASE WHEN t.release THEN NULL ELSE i.owner END
            FROM unnest($1::text[], $2::smallint[], $3::int[], $4::timestamptz[], $5::bigint[], $6::bool[], $7::text[], $8::text[],
                $9::bool[], $10::text[], $11::bool[], $12::bool[], $13::bool[])
                AS t (id, status, length, due, handled, sets_custom, custom, output, is_text, failure, ends, release, rewinds)
            WHERE i.instance_id = t.id
            """,
            Texts(turns, t => t.InstanceId),
            Array(turns, t => (short)t.Status, NpgsqlDbType.Smallint),
            Array(turns, t => t.FirstSequence + t.Events.Count, NpgsqlDbType.Integer),
            Array(turns, t => t.DueAt, NpgsqlDbType.TimestampTz),
            Longs(turns, t => t.Handled),
            Bools(turns, t => t.CustomStatusChanged),
            Texts(turns, t => t.CustomStatus),
            Texts(turns, t => t is { Failure: not null, OutputIsText: true, Output: { } text } ? Redaction.Redact(text) : t.Output),
            Bools(turns, t => t.OutputIsText),
            Texts(turns, t => HubJson.Write(t.Failure)),
            Bools(turns, t => t.Ends),
            Bools(turns, t => t.Release),
            Bools(turns, t => t.ReplacesHistory)
        );
    }

    private void Rewrite(TurnWrite[] turns)
    {
        long[] rewritten = [.. turns.Where(t => t.ReplacesHistory || t.Continuation is not null).Select(t => t.RunNo)];
        if (rewritten.Length > 0)
        {
            Command("DELETE FROM history WHERE run_no = ANY($1)", new NpgsqlParameter<long[]> { TypedValue = rewritten });
        }
    }

    private void Append(TurnWrite[] turns)
    {
        (long RunNo, int Sequence, HistoryEvent Event)[] rows =
        [
            .. turns
                .Where(t => t.Continuation is null)
                .SelectMany(t => t.Events.Select((e, index) => (t.RunNo, t.FirstSequence + index, e))),
        ];
        if (rows.Length == 0)
        {
            return;
        }

        Command(
            """
            INSERT INTO history (run_no, sequence, kind, task_id, at, name, data, detail)
            SELECT * FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
            """,
            Longs(rows, r => r.RunNo),
            Array(rows, r => r.Sequence, NpgsqlDbType.Integer),
            Array(rows, r => (short)r.Event.Kind, NpgsqlDbType.Smallint),
            Array(rows, r => r.Event.TaskId, NpgsqlDbType.Integer),
            Array(rows, r => r.Event.At, NpgsqlDbType.TimestampTz),
            Texts(rows, r => r.Event.Name),
            Texts(rows, r => r.Event.Kind == EventKind.ExecutionStarted ? null : Data(r.Event)),
            Texts(rows, r => HubJson.Write(r.Event.Detail))
        );
    }

    private void Activities(IReadOnlyList<HubWriter.PendingTurn> pending)
    {
        (long RunNo, int TaskId)[] finished = [.. pending.SelectMany(p => p.Write.FinishedActivities.Select(id => (p.Write.RunNo, id)))];
        if (finished.Length > 0)
        {
            Command(
                """
                DELETE FROM activities a USING unnest($1::bigint[], $2::int[]) AS d (run_no, task_id)
                WHERE a.run_no = d.run_no AND a.task_id = d.task_id
                """,
                Longs(finished, f => f.RunNo),
                Array(finished, f => f.TaskId, NpgsqlDbType.Integer)
            );
        }

        (TurnWrite Turn, ScheduleTaskAction Task, bool Claimed)[] rows =
        [
            .. pending.SelectMany(p => p.Write.Activities.Select((task, index) => (p.Write, task, index < p.Claimed))),
        ];
        if (rows.Length == 0)
        {
            return;
        }

        leftActivities = rows.Any(r => !r.Claimed);
        Command(
            """
            INSERT INTO activities (run_no, task_id, instance_id, name, version, input, trace_parent, owner, deliveries)
            SELECT a.run_no, a.task_id, a.instance_id, a.name, a.version, a.input, a.trace_parent, CASE WHEN a.claimed THEN $9 END,
                CASE WHEN a.claimed THEN 1 ELSE 0 END
            FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[])
                AS a (run_no, task_id, instance_id, name, version, input, trace_parent, claimed)
            """,
            Longs(rows, r => r.Turn.RunNo),
            Array(rows, r => r.Task.TaskId, NpgsqlDbType.Integer),
            Texts(rows, r => r.Turn.InstanceId),
            Texts(rows, r => r.Task.Name),
            Texts(rows, r => r.Task.Version),
            Texts(rows, r => r.Task.Input),
            Texts(rows, r => r.Turn.TraceParent),
            Bools(rows, r => r.Claimed),
            new NpgsqlParameter<long> { TypedValue = hostNo }
        );
    }

    private void Results(IReadOnlyList<HubWriter.PendingResult> pending)
    {
        ActivityResult[] results = [.. pending.Select(p => p.Result)];
        if (results.Length == 0)
        {
            return;
        }

        // The row is the right to answer: an earlier answer of a second delivery has deleted it, and the late answer is dropped.
        Command(
            """
            WITH answer AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::text[], $5::text[]) AS a (run_no, task_id,
                kind, data, detail)),
            taken AS (
                DELETE FROM activities a USING answer r WHERE a.run_no = r.run_no AND a.task_id = r.task_id AND a.owner = $6
                RETURNING a.run_no, a.task_id, a.instance_id),
            told AS (
                UPDATE instances i SET sent = i.sent + c.n
                FROM (SELECT instance_id, run_no, count(*) AS n FROM taken GROUP BY instance_id, run_no) c
                WHERE i.instance_id = c.instance_id AND i.run_no = c.run_no AND i.status NOT IN
            """
                + Finished
                + """

                    RETURNING i.run_no)
                INSERT INTO inbox (instance_id, run_no, kind, task_id, data, detail)
                SELECT t.instance_id, t.run_no, r.kind, t.task_id, r.data, r.detail
                FROM taken t JOIN told USING (run_no) JOIN answer r ON r.run_no = t.run_no AND r.task_id = t.task_id
                """,
            Longs(results, r => r.RunNo),
            Array(results, r => r.TaskId, NpgsqlDbType.Integer),
            Array(results, r => (short)r.Event.Kind, NpgsqlDbType.Smallint),
            Texts(results, r => Data(r.Event)),
            Texts(results, r => HubJson.Write(r.Event.Detail)),
            new NpgsqlParameter<long> { TypedValue = hostNo }
        );
    }

    private void Children((TurnWrite Turn, StartChildAction Child)[] children)
    {
        if (children.Length == 0)
        {
            return;
        }

        InstanceSql.DropFinishedRuns(batch, [.. children.Where(c => !c.Child.Rewinds).Select(c => c.Child.InstanceId)]);
        DropGoneRuns([.. children.Where(c => c.Child.Rewinds)]);

        // An id already running is refused, and the call fails in the parent. A child of a rewound parent is kept while it runs or can be
        // rewound itself; a completed one answers now; a purged or terminated one would never answer, so it starts again.
        Command(
            """
            WITH calls AS (
                SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::text[], $10::bigint[], $11::int[], $14::bool[])
                    AS a (instance_id, execution_id, name, version, input, tags, trace_parent, parent, parent_id, parent_run, task_id,
                        rewinds)),
            asked AS (
                SELECT * FROM calls c WHERE NOT c.rewinds
                    OR NOT EXISTS (SELECT 1 FROM instances i WHERE i.instance_id = c.instance_id AND NOT
            """
                + Gone
                + """
                )),
                started AS (
                """
                + InstanceSql.InsertAsked
                + """

                    RETURNING execution_id),
                answers AS (
                    SELECT parent_id, parent_run, $12 AS kind, task_id, name, NULL AS data, $13 AS detail FROM asked WHERE execution_id NOT IN (SELECT execution_id FROM started)
                    UNION ALL
                    SELECT c.parent_id, c.parent_run, $15, c.task_id, c.name, i.output, NULL FROM calls c JOIN instances i USING (instance_id)
                    WHERE c.rewinds AND i.status = 1 AND i.parent_id = c.parent_id),
                told AS (
                    UPDATE instances p SET sent = p.sent + a.n FROM (SELECT parent_id, count(*) AS n FROM answers GROUP BY parent_id) a
                    WHERE p.instance_id = a.parent_id)
                INSERT INTO inbox (instance_id, run_no, kind, task_id, name, data, detail) SELECT * FROM answers
                """,
            Texts(children, c => c.Child.InstanceId),
            Array(children, _ => Guid.NewGuid(), NpgsqlDbType.Uuid),
            Texts(children, c => c.Child.Name),
            Texts(children, c => c.Child.Version),
            Texts(children, c => c.Child.Input),
            Texts(children, c => HubJson.Write(c.Child.Tags)),
            Texts(children, c => c.Turn.TraceParent),
            Texts(
                children,
                c =>
                    HubJson.Write(
                        new ParentLink(c.Turn.Name, c.Turn.InstanceId, c.Turn.ExecutionId.ToString("N"), c.Child.TaskId, c.Turn.RunNo)
                    )
            ),
            Texts(children, c => c.Turn.InstanceId),
            Longs(children, c => c.Turn.RunNo),
            Array(children, c => c.Child.TaskId, NpgsqlDbType.Integer),
            new NpgsqlParameter<short> { TypedValue = (short)EventKind.SubOrchestrationInstanceFailed },
            Text(
                HubJson.Write(
                    new EventDetail
                    {
                        Failure = new FailureInfo(
                            "System.InvalidOperationException",
                            "An Orchestration instance with that ID already exists and has not finished."
                        ),
                    }
                )
            ),
            Bools(children, c => c.Child.Rewinds),
            new NpgsqlParameter<short> { TypedValue = (short)EventKind.SubOrchestrationInstanceCompleted }
        );
    }

    private void DropGoneRuns((TurnWrite Turn, StartChildAction Child)[] children)
    {
        foreach (string table in children.Length == 0 ? [] : (string[])["history", "activities"])
        {
            Command(
                $"""
                DELETE FROM {table} WHERE run_no IN (
                    SELECT i.run_no FROM instances i JOIN unnest($1::text[], $2::text[]) AS c (instance_id,
                        parent_id) USING (instance_id) WHERE {Gone})
                """,
                Texts(children, c => c.Child.InstanceId),
                Texts(children, c => c.Turn.InstanceId)
            );
        }
    }

    private void Messages(OutgoingMessage[] messages)
    {
        if (messages.Length == 0)
        {
            return;
        }

        Command(
            """
            WITH mail AS (
                SELECT * FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::int[], $5::text[], $6::text[],
                    $7::text[]) WITH ORDINALITY
                    AS m (instance_id, run_no, kind, task_id, name, data, detail, place)),
            told AS (
                UPDATE instances i SET sent = i.sent + c.n
                FROM (SELECT instance_id, count(*) AS n, bool_or(kind = $8) AS rewinds FROM mail GROUP BY instance_id) c
                WHERE i.instance_id = c.instance_id AND (i.status = 3 AND c.rewinds OR i.status NOT IN
            """
                + Finished
                + """
                )
                    RETURNING i.instance_id, i.run_no)
                INSERT INTO inbox (instance_id, run_no, kind, task_id, name, data, detail)
                SELECT m.instance_id, m.run_no, m.kind, m.task_id, m.name, m.data, m.detail
                FROM mail m JOIN told t USING (instance_id) WHERE m.run_no IS NULL OR m.run_no = t.run_no ORDER BY m.place
                """,
            Texts(messages, m => m.InstanceId),
            Array(messages, m => m.RunNo, NpgsqlDbType.Bigint),
            Array(messages, m => (short)m.Event.Kind, NpgsqlDbType.Smallint),
            Array(messages, m => m.Event.TaskId, NpgsqlDbType.Integer),
            Texts(messages, m => m.Event.Name),
            Texts(messages, m => Data(m.Event)),
            Texts(messages, m => HubJson.Write(m.Event.Detail)),
            new NpgsqlParameter<short> { TypedValue = (short)EventKind.ExecutionRewound }
        );
    }

    private void Continue(TurnWrite[] turns)
    {
        foreach (TurnWrite turn in turns.Where(t => t.Continuation is not null))
        {
            Command(
                """
                UPDATE instances SET run_no = nextval('run_numbers'), execution_id = gen_random_uuid(), continued = true, input = $2,
                    version = COALESCE($3, version),
                    custom_status = NULL, output = NULL, output_is_text = false, history_length = 0, sent = sent + 1
                WHERE instance_id = $1
                """,
                Text(turn.InstanceId),
                Text(turn.Continuation!.Input),
                Text(turn.Continuation.Version)
            );
            if (turn.CarriedEvents.Count > 0)
            {
                // Carried-over events come before unread ones in the inbox: their numbers are below all others and rise from one execution
                // to the next.
                Command(
                    """
                    INSERT INTO inbox (message_id, instance_id, kind, task_id, name, data) OVERRIDING SYSTEM VALUE
                    SELECT nextval(pg_get_serial_sequence('inbox', 'message_id')) - 4611686018427387904, $1, $2, -1, e.name, e.data
                    FROM (SELECT * FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS u (name, data, place) ORDER BY u.place) e
                    """,
                    Text(turn.InstanceId),
                    new NpgsqlParameter<short> { TypedValue = (short)EventKind.EventRaised },
                    Texts(turn.CarriedEvents, e => e.Name),
                    Texts(turn.CarriedEvents, e => e.Data)
                );
            }
        }
    }

    private void Clear(TurnWrite[] turns)
    {
        TurnWrite[] ended = [.. turns.Where(t => t.Ends)];
        if (ended.Length > 0)
        {
            Command("DELETE FROM inbox WHERE instance_id = ANY($1)", Texts(ended, t => t.InstanceId));
        }

        long[] terminated =
        [
            .. ended
                .Where(t =>
                    t.Status
                        is Microsoft.DurableTask.Client.OrchestrationRuntimeStatus.Terminated
                            or Microsoft.DurableTask.Client.OrchestrationRuntimeStatus.Failed
                )
                .Select(t => t.RunNo),
        ];
        if (terminated.Length > 0)
        {
            // Running ones finish and their results are dropped; waiting ones need not start.
            Command(
                "DELETE FROM activities WHERE run_no = ANY($1) AND owner IS NULL",
                new NpgsqlParameter<long[]> { TypedValue = terminated }
            );
        }
    }

    private void Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        NpgsqlBatchCommand command = new(sql);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
    }

    // A failure's text may quote secrets of its exception.
    private static string? Data(HistoryEvent e) => e is { Data: { } text, Detail.Failure: not null } ? Redaction.Redact(text) : e.Data;

    private static NpgsqlParameter Text(string? value) => HubText.Parameter(value);

    private static NpgsqlParameter Texts<T>(IReadOnlyList<T> rows, Func<T, string?> value) => HubText.Array(rows, value);

    private static NpgsqlParameter Longs<T>(IReadOnlyList<T> rows, Func<T, long> value) => Array(rows, value, NpgsqlDbType.Bigint);

    private static NpgsqlParameter Bools<T>(IReadOnlyList<T> rows, Func<T, bool> value) => Array(rows, value, NpgsqlDbType.Boolean);

    private static NpgsqlParameter Array<T, TValue>(IReadOnlyList<T> rows, Func<T, TValue> value, NpgsqlDbType type)
    {
        TValue[] values = new TValue[rows.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = value(rows[i]);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
