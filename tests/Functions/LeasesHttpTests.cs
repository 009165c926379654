using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>Leases over HTTP, and the reaper's timer, in the app as it is started.</summary>
public sealed class LeasesHttpTests
{
    [Fact]
    public async Task Leases_are_listed_bad_options_named_and_an_orphan_reaped_by_the_timer()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        Assert.Equal(0, (await app.GetAsync("/api/operations/leases")).Body.GetProperty("leases").GetArrayLength());
        (HttpStatusCode status, JsonElement wrong) = await app.GetAsync("/api/operations/leases?state=lost&top=0&before=x");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(["state", "top", "before"], wrong.GetProperty("fields").EnumerateObject().Select(field => field.Name));
        (status, JsonElement unknown) = await app.PostAsync("/api/operations/runs/nobody/cancel");
        Assert.Equal((HttpStatusCode.NotFound, "There is no run nobody."), (status, unknown.GetProperty("error").GetString()));

        // A lease that was waiting when its hub lost its run: no machine, so that no provider is asked.
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(app.Connection);
        await using NpgsqlCommand insert = database.CreateCommand(
            """
            INSERT INTO operations.machine_leases (lease_id, kind, cluster, run_id, instance_id, machine_ids, longest_seconds,
                stops_running)
            VALUES ('gone/1#spark', 'ec2', 'spark', 'gone/1', 'gone', '{i-1}', 60, false)
            """
        );
        await insert.ExecuteNonQueryAsync();
        Assert.Equal(
            "waiting",
            (await app.GetAsync("/api/operations/leases?cluster=spark")).Body.GetProperty("leases")[0].GetProperty("state").GetString()
        );

        Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/admin/functions/ReapClusters", "{}")).Status);

        JsonElement closed = default;
        await Eventually.HoldsAsync(async () =>
        {
            JsonElement leases = (await app.GetAsync("/api/operations/leases?state=closed")).Body.GetProperty("leases");
            if (leases.GetArrayLength() > 0)
                closed = leases[0];
            return leases.GetArrayLength() > 0;
        });
        Assert.Equal("reaper", closed.GetProperty("closedBy").GetString());

        // No timer of this app is on schedule: the list of them is empty, not broken.
        JsonElement timers = default;
        await Eventually.HoldsAsync(async () =>
        {
            (HttpStatusCode code, timers) = await app.GetAsync("/admin/timers");
            return code == HttpStatusCode.OK;
        });
        Assert.Equal(0, timers.GetArrayLength());
    }
}
