using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Npgsql;

namespace Durable.Tests.Host.Store;

/// <summary>What the fence refuses reaches the writer as data, whatever its words.</summary>
public sealed class FenceTests
{
    private const string Instances = """
        INSERT INTO instances (instance_id, execution_id, name, status, turn_no, owner, lease_epoch) VALUES
            ('held', gen_random_uuid(), 'Wash', 0, 4, 7, 2), ('written', gen_random_uuid(), 'Wash', 0, 5, 7, 2),
                ('taken', gen_random_uuid(), 'Wash', 0, 4, 8, 3)
        """;

    [Fact]
    public async Task Lost_written_and_stale_turns_are_named_by_their_place()
    {
        await using NpgsqlDataSource hub = await HubAsync();

        Assert.Empty(await RefusedAsync(hub, "'{held}', '{2}', '{4}', '{}', '{}', '{}'"));
        Assert.Equal(
            [new TurnRefusal(1, TurnFate.Lost), new TurnRefusal(3, TurnFate.Applied), new TurnRefusal(4, TurnFate.Lost)],
            await RefusedAsync(hub, "'{taken,held,written,gone}', '{2,2,2,2}', '{4,4,4,4}', '{}', '{}', '{}'")
        );
        Assert.Equal([new TurnRefusal(1, TurnFate.Stale)], await RefusedAsync(hub, "'{held}', '{2}', '{4}', '{}', '{123}', '{1}'"));
    }

    private static async Task<NpgsqlDataSource> HubAsync()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        await using (await TestEngine.StartAsync(new ScenarioRuntime(), database)) { }

        NpgsqlDataSource hub = NpgsqlDataSource.Create(database + ";Search Path=testhub");
        await using NpgsqlCommand command = hub.CreateCommand(Instances);
        await command.ExecuteNonQueryAsync();
        return hub;
    }

    private static async Task<IReadOnlyList<TurnRefusal>> RefusedAsync(NpgsqlDataSource hub, string arguments)
    {
        await using NpgsqlCommand command = hub.CreateCommand($"SELECT fence_turns(7, {arguments})");
        try
        {
            await command.ExecuteNonQueryAsync();
            return [];
        }
        catch (PostgresException refused) when (refused.SqlState == TurnRefusal.SqlState)
        {
            return [.. HubJson.ReadRefusals(refused.Hint!).OrderBy(refusal => refusal.Turn)];
        }
    }
}
