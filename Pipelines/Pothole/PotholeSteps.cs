using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Pothole;

/// <summary>A finished step in the ledger.</summary>
public sealed record StepRow(string Step, string RunId, string Fingerprint, long Rows, string Detail, DateTime FinishedUtc);

/// <summary>Which steps of a day are done, in <c>pothole.steps</c>.</summary>
public sealed class PotholeSteps(NpgsqlDataSource database)
{
    /// <summary>Steps of a day by name.</summary>
    public async Task<IReadOnlyDictionary<string, StepRow>> ReadAsync(string date, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT step, run_id, fingerprint, rows, detail, finished_at FROM pothole.steps WHERE date = $1"
        );
        command.Parameters.Add(new() { Value = Day(date) });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        Dictionary<string, StepRow> steps = [];
        while (await reader.ReadAsync(cancellationToken))
            steps[reader.GetString(0)] = new StepRow(
                reader.GetString(0),
                reader.GetString(1),
                reader.GetString(2),
                reader.GetInt64(3),
                reader.GetString(4),
                reader.GetDateTime(5)
            );
        return steps;
    }

    /// <summary>Records a step as done. Safe to call twice.</summary>
    public async Task DoneAsync(string date, string runId, string fingerprint, StepDone done, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO pothole.steps (date, step, run_id, fingerprint, rows, detail) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (date, step) DO UPDATE SET run_id = EXCLUDED.run_id, fingerprint = EXCLUDED.fingerprint, rows = EXCLUDED.rows,
                detail = EXCLUDED.detail, finished_at = now()
            """
        );
        command.Add(Day(date), done.Step, runId, fingerprint, done.Rows, done.Detail);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets the steps of earlier runs of the day; this run's steps stay, so a late second call does no harm.</summary>
    public async Task ForgetAsync(string date, string runId, IReadOnlyList<string> steps, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "DELETE FROM pothole.steps WHERE date = $1 AND run_id <> $2 AND step = ANY($3)"
        );
        command.Add(Day(date), runId, steps.ToArray());
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    internal static DateOnly Day(string date) =>
        RunDates.TryRead(date, out DateOnly day) ? day : throw new ArgumentException($"'{date}' is not a day in the form YYYY-MM-DD.");
}
