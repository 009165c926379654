using Microsoft.Azure.Functions.Worker;
using Npgsql;

namespace SampleApp;

/// <summary>A step with an effect that can be counted afterwards.</summary>
/// <param name="Step">Name of the step, unique in its instance.</param>
/// <param name="Value">What the step works on.</param>
/// <param name="Milliseconds">How long the step takes.</param>
public sealed record EffectRequest(string Step, long Value, int Milliseconds = 5);

/// <summary>Activities whose effects are rows of <c>effects(instance_id, step, host, at)</c>, one for each time a step ran to its
/// end.</summary>
public sealed class Effects(NpgsqlDataSource database)
{
    private const int MostTries = 300;

    /// <summary>Takes its time, records that it ran, returns 3 × value + 1. It waits for an unreachable database (30 s at most), so a
    /// second row of one attempt may come from a lost reply.</summary>
    [Function(nameof(RecordEffect))]
    public async Task<long> RecordEffect([ActivityTrigger] EffectRequest request, string instanceId, CancellationToken cancellationToken)
    {
        await Task.Delay(request.Milliseconds, cancellationToken);
        await InsertAsync(instanceId, request.Step, cancellationToken);
        return (3 * request.Value) + 1;
    }

    /// <summary>Fails until the step has run three times, then returns 3 × value + 1.</summary>
    [Function(nameof(RecordEffectOnThirdTry))]
    public async Task<long> RecordEffectOnThirdTry(
        [ActivityTrigger] EffectRequest request,
        string instanceId,
        CancellationToken cancellationToken
    )
    {
        await InsertAsync(instanceId, request.Step, cancellationToken);
        await using NpgsqlCommand count = database.CreateCommand("SELECT count(*) FROM effects WHERE instance_id = $1 AND step = $2");
        count.Parameters.AddWithValue(instanceId);
        count.Parameters.AddWithValue(request.Step);
        long tries = (long)(await count.ExecuteScalarAsync(cancellationToken))!;
        return tries >= 3 ? (3 * request.Value) + 1 : throw new InvalidOperationException($"try {tries} of 3");
    }

    private async Task InsertAsync(string instanceId, string step, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlCommand insert = database.CreateCommand(
                    "INSERT INTO effects (instance_id, step, host) VALUES ($1, $2, $3)"
                );
                insert.Parameters.AddWithValue(instanceId);
                insert.Parameters.AddWithValue(step);
                insert.Parameters.AddWithValue(Environment.ProcessId);
                await insert.ExecuteNonQueryAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException e)
                when (attempt < MostTries && (e is not PostgresException { SqlState: var state } || state[..2] is "57" or "08" or "53"))
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
