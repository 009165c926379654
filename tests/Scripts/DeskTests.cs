using Durable.Operations.Schema;
using Durable.Tests.Cli;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Scripts;

/// <summary>Checks of <c>./run</c> before it starts a sandbox, and its handling of runs that lost theirs.</summary>
public sealed class DeskTests
{
    /// <summary>Parts of <c>./run</c> with a test server in place of their own.</summary>
    private static string Parts(string connection)
    {
        NpgsqlConnectionStringBuilder server = new(connection);
        return $$"""
            . scripts/common.sh; . scripts/setup.sh; . scripts/postgres.sh; . scripts/app.sh; . scripts/sandbox.sh; . scripts/pothole.sh; . scripts/spot.sh
            unset PostgresConnection
            PG_HOME=$(mktemp -d); mkdir "$PG_HOME/data"; trap 'rm -r "$PG_HOME"' EXIT
            postgres_start() { :; }
            postgres_psql() { shift; PGPASSWORD='{{server.Password}}' "$(postgres_binaries)/psql" -X -h '{{server.Host}}' -p {{server.Port}} -U '{{server.Username}}' -d '{{server.Database}}' "$@"; }

            """;
    }

    [Fact]
    public async Task A_day_counts_as_done_when_its_segments_are_loaded_and_not_before()
    {
        string connection = await PostgresServer.CreateDatabaseAsync();
        string look =
            Parts(connection)
            + "for day in 2026-02-11 2026-02-12; do if pothole_day_is_done $day; then echo done; else echo 'to do'; fi; done";
        Assert.Equal("to do\nto do\n", (await Terminal.BashAsync(look)).Output); // no table yet

        await FillAsync(
            connection,
            """
            INSERT INTO pothole.steps (date, step, fingerprint, run_id, rows, detail)
            VALUES ('2026-02-11', 'stage1', 'a', 'r', 1, ''), ('2026-02-12', 'stage1', 'a', 'r', 1, ''),
                ('2026-02-12', 'load', 'a', 'r', 1, '')
            """
        );
        Ran ran = await Terminal.BashAsync(look);

        Assert.Equal("to do\ndone\n", ran.Output);
        Assert.Equal(
            "to do\n",
            (
                await Terminal.BashAsync(
                    Parts(connection) + "PostgresConnection=Host=elsewhere; pothole_day_is_done 2026-02-12 || echo 'to do'"
                )
            ).Output
        ); // somebody else's is not asked
    }

    [Fact]
    public async Task A_slot_counts_as_there_when_it_is_in_the_history()
    {
        string connection = await PostgresServer.CreateDatabaseAsync();
        string look = Parts(connection) + "spot_slot_is_there || echo missing";
        Assert.Equal("missing\n", (await Terminal.BashAsync(look)).Output);

        const string Now = "date_bin('10 minutes', now(), TIMESTAMPTZ '2000-01-01T00:00Z')";
        await FillAsync(
            connection,
            $"INSERT INTO spot.slots (slot, state, capacity, run_id) VALUES ({Now}, 'collecting', 1, 'r'), ({Now} + interval '10 minutes', 'collecting', 1, 'r')"
        );
        Assert.Equal("missing\n", (await Terminal.BashAsync(look)).Output);

        await FillAsync(connection, "UPDATE spot.slots SET state = 'present', delta_key = 'd', committed_at = now()");
        Assert.Matches("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]0\\n$", (await Terminal.BashAsync(look)).Output);
    }

    [Fact]
    public async Task Runs_whose_machines_went_with_a_sandbox_are_ended_and_reaped_at_once()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        const string Instances = "/runtime/webhooks/durabletask/instances";
        host.On(
                $"GET {Instances}",
                200,
                """[{"instanceId":"pothole-2026-02-11","name":"PotholePipeline","runtimeStatus":"Running"},{"instanceId":"pothole-2026-02-12","name":"PotholePipeline","runtimeStatus":"Suspended"}]"""
            )
            .On($"POST {Instances}/pothole-2026-02-11/terminate", 202, "")
            .On($"POST {Instances}/pothole-2026-02-12/terminate", 202, "")
            .On($"GET {Instances}/pothole-2026-02-11", 200, """{"runtimeStatus":"Terminated"}""")
            .On($"GET {Instances}/pothole-2026-02-12", 200, """{"runtimeStatus":"Terminated"}""")
            .On(
                "GET /admin/functions/ReapClusters",
                200,
                """{"name":"ReapClusters","config":{"bindings":[{"type":"timerTrigger","schedule":"0 * * * * *"}]}}"""
            )
            .On("POST /admin/functions/ReapClusters", 202, "");
        string cli = Path.Combine(AppContext.BaseDirectory, "Durable.Cli.dll");

        Ran ran = await Terminal.BashAsync(
            $". scripts/common.sh; . scripts/app.sh; . scripts/sandbox.sh; CLI_DLL='{cli}'; sandbox_end_lost_runs {host.Url} pothole-"
        );

        Assert.Equal(0, ran.ExitCode);
        Assert.Contains("Ending pothole-2026-02-11: its machines went with an earlier sandbox.", ran.Error, StringComparison.Ordinal);
        string[] asked = [.. host.Requests.Select(request => $"{request.Method} {request.Path}{request.Query}")];
        Assert.StartsWith($"GET {Instances}?", asked[0], StringComparison.Ordinal);
        Assert.All(
            (string[])["instanceIdPrefix=pothole-", "Running", "Pending", "Suspended"],
            part => Assert.Contains(part, asked[0], StringComparison.Ordinal)
        );
        Assert.Equal(
            [
                $"POST {Instances}/pothole-2026-02-11/terminate?reason=its sandbox is gone",
                $"POST {Instances}/pothole-2026-02-12/terminate?reason=its sandbox is gone",
                "POST /admin/functions/ReapClusters",
            ],
            asked.Where(call => call.StartsWith("POST", StringComparison.Ordinal))
        );
    }

    [Fact]
    public async Task Where_no_run_lost_its_machines_nothing_is_ended()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /runtime/webhooks/durabletask/instances", 200, "[]");

        Ran ran = await Terminal.BashAsync(
            $". scripts/common.sh; . scripts/app.sh; . scripts/sandbox.sh; CLI_DLL='{Path.Combine(AppContext.BaseDirectory, "Durable.Cli.dll")}'; sandbox_end_lost_runs {host.Url} pothole-"
        );

        Assert.Equal((0, ""), (ran.ExitCode, ran.Error));
        Assert.Single(host.Requests);
    }

    private static async Task FillAsync(string connection, string sql)
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        await AppSchema.ApplyAsync(database);
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
