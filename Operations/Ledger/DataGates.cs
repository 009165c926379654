using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Ledger;

/// <summary>One measured number and its allowed range; a null limit is open.</summary>
/// <param name="Name">What is measured: <c>row_count</c>, <c>fallback_share</c>, <c>change_against_last_run</c> …</param>
/// <param name="Subject">Partition, table or run that was measured.</param>
public sealed record DataGate(string Name, string Subject, double Measured, double? AtLeast = null, double? AtMost = null)
{
    /// <summary>NaN never passes.</summary>
    public bool Passed => !double.IsNaN(Measured) && !(Measured < AtLeast) && !(Measured > AtMost);

    /// <summary>Gate on the share of a count in a total, 0 to 1; 0 when the total is 0.</summary>
    public static DataGate Share(string name, string subject, long part, long whole, double atMost) =>
        new(name, subject, whole == 0 ? 0 : (double)part / whole, AtMost: atMost);

    /// <summary>Gate on the relative change of a number since the last run, e.g. 0.5 = half more or less. Passes without a last
    /// run.</summary>
    public static DataGate Change(string name, string subject, double now, double? before, double atMost) =>
        new(name, subject, before is null or 0 ? 0 : Math.Abs(now - before.Value) / Math.Abs(before.Value), AtMost: atMost);

    public override string ToString() =>
        FormattableString
            .Invariant(
                $"{Name} of {Subject} is {Measured:G6}, allowed {(AtLeast is { } low ? $"from {low:G6} " : "")}{(AtMost is { } high ? $"up to {high:G6}" : "")}"
            )
            .TrimEnd();
}

/// <summary>A failed gate stopped the next step.</summary>
public sealed class DataGateException(IReadOnlyList<DataGate> failed)
    : PermanentFailureException(
        $"{failed.Count} data gate(s) failed: {string.Join("; ", failed.Take(5))}. Correct the data, or change the limit and start again."
    )
{
    public IReadOnlyList<DataGate> Failed { get; } = failed;
}

/// <summary>Records gates, passed or not, and throws on failed ones.</summary>
public sealed class DataGates(NpgsqlDataSource database)
{
    /// <summary>Records all gates of a run. Safe to call twice: the newest measurement of a gate counts.</summary>
    /// <exception cref="DataGateException">At least one did not pass; all are recorded first.</exception>
    public async Task CheckAsync(string runId, IReadOnlyList<DataGate> gates, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await RecordAsync(connection, runId, gates, cancellationToken);
        DataGate[] failed = [.. gates.Where(gate => !gate.Passed)];
        if (failed.Length > 0)
            throw new DataGateException(failed);
    }

    /// <summary>A gate's last passed measurement of each subject, from other runs than this one.</summary>
    public async Task<Dictionary<string, double>> ReadLastAsync(
        string runId,
        string gate,
        IReadOnlyCollection<string> subjects,
        CancellationToken cancellationToken = default
    )
    {
        Dictionary<string, double> last = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT subject, g.measured FROM unnest($2) AS subject, LATERAL (
                SELECT measured FROM operations.gates WHERE gate = $1 AND gates.subject = subject.subject AND run_id <> $3
                    AND passed ORDER BY checked_at DESC LIMIT 1) g
            """
        );
        command.Parameters.Add(new() { Value = gate });
        command.Parameters.Add(new() { Value = subjects.ToArray() });
        command.Parameters.Add(new() { Value = runId });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            last.Add(reader.GetString(0), reader.GetDouble(1));
        return last;
    }

    /// <summary>Records gates in the caller's transaction, with the data they measured.</summary>
    internal static async Task RecordAsync(
        NpgsqlConnection connection,
        string runId,
        IReadOnlyList<DataGate> gates,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            INSERT INTO operations.gates (run_id, gate, subject, measured, lower_limit, upper_limit, passed)
            SELECT $1, gate, subject, measured, low, high, passed
            FROM unnest($2, $3, $4, $5, $6, $7) AS new (gate, subject, measured, low, high, passed)
            ON CONFLICT (run_id, gate, subject) DO UPDATE SET measured = EXCLUDED.measured, lower_limit = EXCLUDED.lower_limit,
                upper_limit = EXCLUDED.upper_limit, passed = EXCLUDED.passed, checked_at = now()
            """,
            connection
        );
        command.Parameters.Add(new() { Value = runId });
        command.Parameters.Add(new() { Value = gates.Select(gate => gate.Name).ToArray() });
        command.Parameters.Add(new() { Value = gates.Select(gate => gate.Subject).ToArray() });
        command.Parameters.Add(new() { Value = gates.Select(gate => gate.Measured).ToArray() });
        command.Parameters.Add(
            new() { Value = gates.Select(gate => gate.AtLeast).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Double }
        );
        command.Parameters.Add(
            new() { Value = gates.Select(gate => gate.AtMost).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Double }
        );
        command.Parameters.Add(new() { Value = gates.Select(gate => gate.Passed).ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
