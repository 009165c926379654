using System.Net;
using Durable.Tests.Fixtures;
using Npgsql;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Chaos;

/// <summary>A database that turns read-only under a running host and is writable again later.</summary>
public sealed class DatabaseRefusalTests(ITestOutputHelper output)
{
    private const string Remedy = "PostgreSQL accepts no writes";

    [Fact]
    public async Task A_read_only_database_is_answered_with_503_and_the_remedy_until_it_is_writable_again()
    {
        string connection = await PostgresServer.CreateDatabaseAsync();
        await using ChaosHub hub = await ChaosHub.CreateAsync(connection);
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{hub.Port}/"), Timeout = TimeSpan.FromSeconds(60) };
        Assert.Equal(HttpStatusCode.Accepted, await StartAsync("before"));

        // What a switch-over leaves behind: connections opened now stay read-only however the setting changes later.
        await SetAsync("SET default_transaction_read_only = on");
        await ChaosHub.UntilAsync(
            async () => await StartAsync("refused") == HttpStatusCode.ServiceUnavailable,
            60,
            () => Task.FromResult("no 503")
        );
        using (HttpResponseMessage refused = await http.PostAsync(Path("refused"), Json("1")))
        {
            Assert.Contains(Remedy, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await ChaosHub.UntilAsync(
            async () => (await (await http.GetAsync("readyz")).Content.ReadAsStringAsync()).Contains(Remedy, StringComparison.Ordinal),
            60,
            async () => await http.GetStringAsync("readyz")
        );
        await SetAsync("RESET default_transaction_read_only");
        TimeSpan taken = await ChaosHub.UntilAsync(
            async () => await StartAsync("after") == HttpStatusCode.Accepted,
            60,
            () => Task.FromResult(string.Join('\n', host.Lines.TakeLast(20)))
        );
        output.WriteLine($"Starts were accepted again {taken.TotalSeconds:F2} s after the database was writable");

        foreach (string id in (string[])["before", "after"])
        {
            using HttpResponseMessage first = await http.PostAsync(
                $"runtime/webhooks/durabletask/instances/{id}/raiseEvent/first",
                Json("1")
            );
            using HttpResponseMessage second = await http.PostAsync(
                $"runtime/webhooks/durabletask/instances/{id}/raiseEvent/second",
                Json("7")
            );
            Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (first.StatusCode, second.StatusCode));
        }

        await hub.FinishAsync(60);
        Assert.Equal(2L, await hub.QueryAsync<long>("SELECT count(*) FROM instances WHERE status = 1 AND output = '52'")); // 30 × 1 + 22
        Assert.Single(host.Lines, line => line.Contains(Remedy, StringComparison.Ordinal));
        Assert.DoesNotContain(host.Lines, line => line.Contains("   at ", StringComparison.Ordinal));

        async Task<HttpStatusCode> StartAsync(string id)
        {
            using HttpResponseMessage answer = await http.PostAsync(Path(id), Json("1"));
            return answer.StatusCode;
        }

        async Task SetAsync(string setting)
        {
            await using NpgsqlConnection server = new(
                new NpgsqlConnectionStringBuilder(connection)
                {
                    Pooling = false,
                    Options = "-c default_transaction_read_only=off",
                }.ConnectionString
            );
            await server.OpenAsync();
            string database = server.Database;
            await using NpgsqlCommand command = new(
                $"""
                ALTER DATABASE "{database}" {setting};
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = '{database}' AND pid <> pg_backend_pid() AND '{setting}' LIKE 'SET%'
                """,
                server
            );
            await command.ExecuteNonQueryAsync();
        }

        static string Path(string id) => $"runtime/webhooks/durabletask/orchestrators/Listen/{id}";
        static StringContent Json(string json) => new(json, System.Text.Encoding.UTF8, "application/json");
    }
}
