using Durable.Host.History;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>Claims work for this host: instances with mail or a due timer, their mail, and activities.</summary>
internal sealed class WorkSource(HubDatabase database)
{
    // FOR KEY SHARE: a host declared dead between this claim and its commit would own rows forever. MATERIALIZED: joined as a subquery, the
    // LIMIT may be evaluated more than once. SKIP LOCKED: two hosts take different rows. ORDER BY: the oldest executions first, and
    // without it the planner assumes that a third of all rows have mail, and scans the table instead of the index of those that do. ARRAY: a join with up to 256 ids looks to the
    // planner like a reason to scan the table; an array goes through the key.
    internal const string ClaimSql = """
        WITH mail AS MATERIALIZED (
            SELECT instance_id FROM instances WHERE owner IS NULL AND sent > handled
            ORDER BY run_no LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
        due AS MATERIALIZED (
            SELECT instance_id FROM instances WHERE owner IS NULL AND due_at <= now()
            ORDER BY due_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE instances i SET owner = $1, lease_epoch = i.lease_epoch + 1
        WHERE i.instance_id = ANY (ARRAY(SELECT instance_id FROM mail UNION SELECT instance_id FROM due))
            AND i.owner IS NULL AND EXISTS (SELECT 1 FROM hosts WHERE host_no = $1 FOR KEY SHARE)
        RETURNING i.instance_id
        """;

    internal const string NextDueSql = "SELECT min(due_at) FROM instances WHERE owner IS NULL AND due_at IS NOT NULL";

    internal const string LoadSql = """
        SELECT i.instance_id, i.run_no, i.execution_id, i.name, i.version, i.status, i.input, i.generation, i.continued, i.tags,
            i.trace_parent, i.parent,
               i.scheduled_start, i.turn_no, i.history_length, i.handled, i.lease_epoch,
               i.status = 3 AND EXISTS (SELECT 1 FROM activities a WHERE a.run_no = i.run_no)
        FROM instances i WHERE i.instance_id = ANY($1) AND i.owner = $2
        """;

    internal const string MailSql = """
        SELECT i.instance_id, i.run_no, i.sent, i.lease_epoch, i.turn_no, m.message_id, m.run_no, m.kind, m.task_id, m.name, m.data,
            m.detail
        FROM (SELECT instance_id, run_no, sent, lease_epoch, turn_no FROM instances WHERE owner = $1 AND sent > handled
            UNION SELECT instance_id, run_no, sent, lease_epoch, turn_no FROM instances WHERE owner = $1 AND instance_id = ANY($2)) i
        LEFT JOIN inbox m ON m.instance_id = i.instance_id
        ORDER BY m.message_id
        """;

    internal const string ClaimActivitiesSql = """
        WITH next AS MATERIALIZED (SELECT run_no, task_id FROM activities WHERE owner IS NULL ORDER BY position LIMIT $2
            FOR UPDATE SKIP LOCKED)
        UPDATE activities a SET owner = $1, deliveries = a.deliveries + 1 FROM next n
        WHERE a.run_no = n.run_no AND a.task_id = n.task_id AND EXISTS (SELECT 1 FROM hosts WHERE host_no = $1 FOR KEY SHARE)
        RETURNING a.run_no, a.task_id, a.instance_id, a.name, a.version, a.input, a.trace_parent, a.deliveries
        """;

    /// <summary>Claims up to <paramref name="most"/> runnable instances.</summary>
    /// <returns>Their ids, and when the next unclaimed timer is due (null: none).</returns>
    public Task<(List<string> Ids, DateTime? NextDue)> ClaimInstancesAsync(long hostNo, int most, CancellationToken cancellation) =>
        database.RunAsync(
            "claim instances",
            async connection =>
            {
                await using NpgsqlBatch batch = new(connection)
                {
                    BatchCommands =
                    {
                        new NpgsqlBatchCommand(ClaimSql)
                        {
                            Parameters =
                            {
                                Long(hostNo),
                                new NpgsqlParameter<int> { TypedValue = most },
                            },
                        },
                        new NpgsqlBatchCommand(NextDueSql),
                    },
                };
                await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellation);
                List<string> ids = [];
                while (await reader.ReadAsync(cancellation))
                {
                    ids.Add(reader.GetString(0));
                }

                await reader.NextResultAsync(cancellation);
                await reader.ReadAsync(cancellation);
                return (ids, reader.IsDBNull(0) ? (DateTime?)null : reader.GetDateTime(0));
            },
            cancellation
        );

    /// <summary>Loads claimed instances with their history.</summary>
    public Task<List<LoadedInstance>> LoadAsync(long hostNo, IReadOnlyList<string> ids, CancellationToken cancellation) =>
        database.RunAsync(
            "load instances",
            async connection =>
            {
                List<LoadedInstance> loaded = [];
                await using (NpgsqlCommand command = new(LoadSql, connection) { Parameters = { Ids(ids), Long(hostNo) } })
                await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation))
                {
                    while (await reader.ReadAsync(cancellation))
                    {
                        loaded.Add(ReadInstance(reader));
                    }
                }

                Dictionary<long, LoadedInstance> withHistory = loaded.Where(i => i.HistoryLength > 0).ToDictionary(i => i.RunNo);
                if (withHistory.Count > 0)
                {
                    await using NpgsqlCommand command = new(
                        """
                        SELECT run_no, kind, task_id, at, name, data, detail FROM history WHERE run_no = ANY($1) ORDER BY run_no, sequence
                        """,
                        connection
                    )
                    {
                        Parameters = { new NpgsqlParameter<long[]> { TypedValue = [.. withHistory.Keys] } },
                    };
                    await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
                    while (await reader.ReadAsync(cancellation))
                    {
                        LoadedInstance instance = withHistory[reader.GetInt64(0)];
                        instance.AddHistory(ReadEvent(reader, 1, instance.Input));
                    }
                }

                return loaded;
            },
            cancellation
        );

    /// <summary>Unhandled mail of the instances this host holds. A row without a message only carries the new <c>sent</c>.</summary>
    /// <param name="hostNo">This host.</param>
    /// <param name="fresh">Instances claimed just now: their whole inbox is read (mail from before a scheduled start).</param>
    /// <param name="cancellation">Cancels the query.</param>
    public Task<List<Mail>> ReadMailAsync(long hostNo, IReadOnlyList<string> fresh, CancellationToken cancellation) =>
        database.RunAsync(
            "read mail",
            async connection =>
            {
                await using NpgsqlCommand command = new(MailSql, connection) { Parameters = { Long(hostNo), Ids(fresh) } };
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
                List<Mail> mail = [];
                while (await reader.ReadAsync(cancellation))
                {
                    MailItem? item = reader.IsDBNull(5) ? null : ReadMailItem(reader, 5);
                    mail.Add(
                        new Mail(reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), item)
                    );
                }

                return mail;
            },
            cancellation
        );

    /// <summary>Releases an instance unchanged, if this host still holds it under <paramref name="epoch"/>.</summary>
    public Task<int> GiveBackAsync(long hostNo, string instanceId, long epoch, CancellationToken cancellation) =>
        database.RunAsync(
            "give back",
            async connection =>
            {
                await using NpgsqlCommand command = new(
                    """
                    UPDATE instances SET owner = NULL, lease_epoch = lease_epoch + 1
                    WHERE instance_id = $1 AND owner = $2 AND lease_epoch = $3
                    """,
                    connection
                )
                {
                    Parameters =
                    {
                        new NpgsqlParameter<string> { TypedValue = instanceId },
                        Long(hostNo),
                        Long(epoch),
                    },
                };
                return await command.ExecuteNonQueryAsync(cancellation);
            },
            cancellation
        );

    /// <summary>Claims up to <paramref name="most"/> waiting activities, oldest first.</summary>
    public Task<List<ClaimedActivity>> ClaimActivitiesAsync(long hostNo, int most, CancellationToken cancellation) =>
        database.RunAsync(
            "claim activities",
            async connection =>
            {
                await using NpgsqlCommand command = new(ClaimActivitiesSql, connection)
                {
                    Parameters =
                    {
                        Long(hostNo),
                        new NpgsqlParameter<int> { TypedValue = most },
                    },
                };
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
                List<ClaimedActivity> claimed = [];
                while (await reader.ReadAsync(cancellation))
                {
                    claimed.Add(
                        new ClaimedActivity(
                            reader.GetInt64(0),
                            reader.GetInt32(1),
                            reader.GetString(2),
                            reader.GetString(3),
                            Text(reader, 4),
                            Text(reader, 5),
                            Text(reader, 6),
                            reader.GetInt32(7)
                        )
                    );
                }

                return claimed;
            },
            cancellation
        );

    /// <summary>Records that a redelivered activity starts.</summary>
    /// <returns>Its number of starts as a redelivery; null when the host no longer holds it.</returns>
    public Task<int?> NoteStartAsync(long hostNo, ClaimedActivity activity, CancellationToken cancellation) =>
        database.RunAsync(
            "note start",
            async connection =>
            {
                await using NpgsqlCommand command = new(
                    "UPDATE activities SET starts = starts + 1 WHERE run_no = $1 AND task_id = $2 AND owner = $3 RETURNING starts",
                    connection
                )
                {
                    Parameters =
                    {
                        Long(activity.RunNo),
                        new NpgsqlParameter<int> { TypedValue = activity.TaskId },
                        Long(hostNo),
                    },
                };
                return await command.ExecuteScalarAsync(cancellation) as int?;
            },
            cancellation
        );

    /// <summary>Reads an event whose columns start at <paramref name="at"/>: kind, task_id, at, name, data, detail.</summary>
    public static HistoryEvent ReadEvent(NpgsqlDataReader reader, int at, string? input)
    {
        EventKind kind = (EventKind)reader.GetInt16(at);
        return new HistoryEvent(
            kind,
            reader.GetInt32(at + 1),
            reader.GetDateTime(at + 2),
            Text(reader, at + 3),
            kind == EventKind.ExecutionStarted ? input : Text(reader, at + 4),
            HubJson.ReadDetail(Text(reader, at + 5))
        );
    }

    private static MailItem ReadMailItem(NpgsqlDataReader reader, int at)
    {
        HistoryEvent happened = new(
            (EventKind)reader.GetInt16(at + 2),
            reader.GetInt32(at + 3),
            default,
            Text(reader, at + 4),
            Text(reader, at + 5),
            HubJson.ReadDetail(Text(reader, at + 6))
        );
        return new MailItem(reader.GetInt64(at), reader.IsDBNull(at + 1) ? null : reader.GetInt64(at + 1), happened);
    }

    private static LoadedInstance ReadInstance(NpgsqlDataReader reader) =>
        new()
        {
            InstanceId = reader.GetString(0),
            RunNo = reader.GetInt64(1),
            ExecutionId = reader.GetGuid(2),
            Name = reader.GetString(3),
            Version = Text(reader, 4),
            Status = (OrchestrationRuntimeStatus)reader.GetInt16(5),
            Input = Text(reader, 6),
            Generation = reader.GetBoolean(8) ? null : reader.GetInt32(7),
            Tags = HubJson.ReadTags(Text(reader, 9)),
            TraceParent = Text(reader, 10),
            Parent = HubJson.ReadParent(Text(reader, 11)),
            ScheduledStart = reader.IsDBNull(12) ? null : reader.GetDateTime(12),
            TurnNo = reader.GetInt64(13),
            HistoryLength = reader.GetInt32(14),
            Handled = reader.GetInt64(15),
            Epoch = reader.GetInt64(16),
            Busy = reader.GetBoolean(17),
        };

    private static string? Text(NpgsqlDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);

    private static NpgsqlParameter Long(long value) => new NpgsqlParameter<long> { TypedValue = value };

    private static NpgsqlParameter Ids(IReadOnlyList<string> ids) => new NpgsqlParameter<string[]> { TypedValue = [.. ids] };
}

/// <summary>An instance this host has claimed, as stored.</summary>
internal sealed record LoadedInstance
{
    private readonly List<HistoryEvent> history = [];

    /// <summary>The instance.</summary>
    public required string InstanceId { get; init; }

    /// <summary>Key of its execution.</summary>
    public required long RunNo { get; init; }

    /// <summary>Id of its execution.</summary>
    public required Guid ExecutionId { get; init; }

    /// <summary>Orchestrator.</summary>
    public required string Name { get; init; }

    /// <summary>Requested version.</summary>
    public string? Version { get; init; }

    /// <summary>Status.</summary>
    public required OrchestrationRuntimeStatus Status { get; init; }

    /// <summary>Whether the execution has failed while activities of it still run.</summary>
    public bool Busy { get; init; }

    /// <summary>Input as JSON text.</summary>
    public string? Input { get; init; }

    /// <summary>Generation; null after ContinueAsNew.</summary>
    public int? Generation { get; init; }

    /// <summary>Tags.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>Trace parent.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Parent of a child.</summary>
    public ParentLink? Parent { get; init; }

    /// <summary>Start time requested by the client.</summary>
    public DateTime? ScheduledStart { get; init; }

    /// <summary>Turns committed.</summary>
    public long TurnNo { get; init; }

    /// <summary>Events in the history.</summary>
    public int HistoryLength { get; init; }

    /// <summary>Messages handled.</summary>
    public long Handled { get; init; }

    /// <summary>Lease epoch of this claim.</summary>
    public long Epoch { get; init; }

    /// <summary>The history.</summary>
    public IReadOnlyList<HistoryEvent> History => history;

    /// <summary>Adds to the history while loading.</summary>
    public void AddHistory(HistoryEvent happened) => history.Add(happened);
}

/// <summary>State of an instance's inbox: <paramref name="Sent"/> as of <paramref name="Item"/>, which is null without a message (a start).
/// Messages consumed by turns up to <paramref name="TurnNo"/> are excluded; a later turn may have consumed the item since.</summary>
internal sealed record Mail(string InstanceId, long RunNo, long Sent, long Epoch, long TurnNo, MailItem? Item);

/// <summary>A message; <paramref name="RunNo"/> is set where it answers a call of one execution.</summary>
internal sealed record MailItem(long MessageId, long? RunNo, HistoryEvent Event);

/// <summary>An activity this host may run.</summary>
internal sealed record ClaimedActivity(
    long RunNo,
    int TaskId,
    string InstanceId,
    string Name,
    string? Version,
    string? Input,
    string? TraceParent,
    int Deliveries
);
