using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Plans;

/// <summary>Plans shown to users, so that a start can be checked against one.</summary>
public sealed class PlanStore(NpgsqlDataSource database)
{
    /// <summary>Keeps a plan under its hash. Safe to call twice.</summary>
    public async Task SaveAsync(Plan plan, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "INSERT INTO operations.plans (hash, kind, plan) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        );
        command.Parameters.Add(new() { Value = plan.Hash });
        command.Parameters.Add(new() { Value = plan.Kind });
        command.Parameters.Add(new() { Value = JsonSerializer.Serialize(plan), NpgsqlDbType = NpgsqlDbType.Jsonb });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Checks a start against the plan it names; null skips the check.</summary>
    /// <exception cref="PlanStaleException">The current plan differs, or the hash is unknown.</exception>
    public async Task CheckAsync(string? hash, Plan now, CancellationToken cancellationToken = default)
    {
        if (hash is null || hash == now.Hash)
            return;
        await using NpgsqlCommand command = database.CreateCommand("SELECT plan FROM operations.plans WHERE hash = $1 AND kind = $2");
        command.Parameters.Add(new() { Value = hash });
        command.Parameters.Add(new() { Value = now.Kind });
        Plan? shown = await command.ExecuteScalarAsync(cancellationToken) is string json ? JsonSerializer.Deserialize<Plan>(json) : null;
        throw new PlanStaleException(hash, shown is null ? ["no such plan was made here"] : now.DifferenceFrom(shown));
    }
}
