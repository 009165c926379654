using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>What a host finds of the one that was killed before it.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task Work_of_a_host_that_died_in_its_first_second_is_taken_over_long_before_the_next_renewal()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        ScenarioRuntime app = new ScenarioRuntime().Orchestrator("Wait", async context => await context.WaitForExternalEvent<string>("go"));
        await using (TestEngine first = await TestEngine.StartAsync(app, database))
        {
            await first.ScheduleAsync("Wait", id: "kept");
            await first.Hub.WaitAsync("kept", completion: false, payloads: false);
        }

        await using NpgsqlDataSource server = NpgsqlDataSource.Create(database);
        await Eventually.HoldsAsync(async () =>
            (bool)(await Scalar("SELECT pg_postmaster_start_time() < clock_timestamp() - interval '11 seconds'"))!
        );
        await Scalar(
            """
            WITH dead AS (INSERT INTO testhub.hosts (name, leased_until) VALUES ('dead', now() + interval '10 minutes') RETURNING host_no)
            UPDATE testhub.instances SET owner = host_no, lease_epoch = lease_epoch + 1 FROM dead
            """
        );
        HubSettings rarely = new()
        {
            HubName = "TestHub",
            ExtendedSessions = true,
            RenewEvery = TimeSpan.FromMinutes(1),
            LeaseTime = TimeSpan.FromMinutes(5),
        };

        await using TestEngine second = await TestEngine.StartAsync(app, database, rarely);
        await second.RaiseAsync("kept", "go", "on");

        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await second.EndAsync("kept", seconds: 30)).Status);

        async Task<object?> Scalar(string sql)
        {
            await using NpgsqlCommand command = server.CreateCommand(sql);
            return await command.ExecuteScalarAsync();
        }
    }
}
