using Npgsql;

namespace Durable.Host.Store;

/// <summary>Statements that create instances, shared by clients and parents.</summary>
internal static class InstanceSql
{
    /// <summary>Inserts the rows of a CTE <c>asked</c>; a finished instance with the same id is replaced, an unfinished one is kept and not
    /// returned.</summary>
    public const string InsertAsked = """
        INSERT INTO instances AS i (instance_id, execution_id, name, version, status, input, tags, trace_parent, parent, parent_id, sent)
        SELECT DISTINCT ON (instance_id) instance_id, execution_id, name, version, 6, input, tags, trace_parent, parent, parent_id, 1
        FROM asked
        ON CONFLICT (instance_id) DO UPDATE SET
            run_no = nextval('run_numbers'), execution_id = EXCLUDED.execution_id, name = EXCLUDED.name, version = EXCLUDED.version,
                status = 6,
            generation = i.generation + 1, continued = false, input = EXCLUDED.input, output = NULL, output_is_text = false,
                custom_status = NULL, failure = NULL,
            tags = EXCLUDED.tags, trace_parent = EXCLUDED.trace_parent, parent = EXCLUDED.parent, parent_id = EXCLUDED.parent_id,
            created_at = now(), updated_at = now(), completed_at = NULL, scheduled_start = NULL, history_length = 0, due_at = NULL,
            sent = i.sent + 1, handled = i.sent, owner = NULL, lease_epoch = i.lease_epoch + 1
        WHERE i.status IN (1, 3, 4, 5)
        """;

    /// <summary>Deletes the data of finished executions of these ids, except those with a kept status; they are about to be
    /// replaced.</summary>
    public static void DropFinishedRuns(NpgsqlBatch batch, string[] instanceIds, short[]? kept = null)
    {
        foreach (string table in (string[])["history", "activities"])
        {
            NpgsqlBatchCommand drop = new(
                $"""
                DELETE FROM {table} WHERE run_no IN (SELECT run_no FROM instances WHERE instance_id = ANY($1) AND status IN (1, 3, 4, 5)
                    AND status <> ALL ($2))
                """
            );
            drop.Parameters.Add(HubText.Array(instanceIds, id => id));
            drop.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = kept ?? [] });
            batch.BatchCommands.Add(drop);
        }
    }
}
