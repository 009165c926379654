using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Durable.Tests.Orchestrations;

namespace Durable.Tests.Functions;

/// <summary>Days and ranges over HTTP, as a user starts them: what is done once is not done twice unless asked for.</summary>
public sealed class PotholeDayTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    private const string Day = $$"""{"date": "{{PotholeWorld.Date}}"}""";

    [Fact]
    public async Task A_day_is_planned_run_refused_forced_and_backfilled()
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox, engine: false);
        await using AppProcess app = await AppProcess.StartAsync(world.Connection, world.Settings);

        (HttpStatusCode code, JsonElement plan) = await app.PostAsync(
            "/api/pothole",
            $$"""{"date": "{{PotholeWorld.Date}}", "dryRun": true}"""
        );
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(["stage1 missing", "stage2 after", "load after"], Steps(plan));
        Assert.DoesNotContain(
            await sandbox.CallsAsync("s3", "PutObject"),
            call => call.Parameters.Contains("spark-job-code", StringComparison.Ordinal)
        );

        Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/api/pothole", Day)).Status);
        (code, JsonElement busy) = await app.PostAsync("/api/pothole", Day);
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Contains("/instances/" + world.InstanceId, busy.ToString(), StringComparison.Ordinal);
        JsonElement ended = await app.WaitAsync(world.InstanceId);
        Assert.True(
            ended.GetProperty("runtimeStatus").GetString() == "Completed",
            (
                await app.GetAsync($"/runtime/webhooks/durabletask/instances/{world.InstanceId}?showHistory=true&showHistoryOutput=true")
            ).Body.ToString()
        );

        (code, JsonElement done) = await app.PostAsync("/api/pothole", Day);
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Contains("add force", done.GetProperty("error").GetString(), StringComparison.Ordinal);
        (_, plan) = await app.PostAsync("/api/pothole", $$"""{"date": "{{PotholeWorld.Date}}", "dryRun": true}""");
        Assert.Equal(["stage1 present", "stage2 present", "load present"], Steps(plan));
        (_, JsonElement day) = await app.GetAsync($"/api/pothole/{PotholeWorld.Date}");
        Assert.Equal(
            ["stage1", "stage2", "load"],
            day.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("step").GetString())
        );
        Assert.Equal("A_0000", day.GetProperty("worst")[0].GetProperty("id").GetString());

        // A range: the day before has no data, this one is done already.
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await app.PostAsync("/api/pothole", $$"""{"from": "2026-02-11", "to": "{{PotholeWorld.Date}}"}""")).Status
        );
        JsonElement range = await app.WaitAsync("pothole-backfill-2026-02-11-" + PotholeWorld.Date);
        Assert.Equal((2, 1, 0, 1), (Number(range, "days"), Number(range, "skipped"), Number(range, "succeeded"), Number(range, "noInput")));

        Assert.Equal(
            HttpStatusCode.Accepted,
            (
                await app.PostAsync("/api/pothole", $$"""{"from": "{{PotholeWorld.Date}}", "to": "{{PotholeWorld.Date}}", "force": true}""")
            ).Status
        );
        range = await app.WaitAsync($"pothole-backfill-{PotholeWorld.Date}-{PotholeWorld.Date}");
        Assert.Equal((1, 0, 1), (Number(range, "days"), Number(range, "skipped"), Number(range, "succeeded")));
        await world.HoldsAsync("failed"); // the run without input; the other two are completed
        Assert.Equal(2L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.runs WHERE state = 'completed'"));
    }

    private static IEnumerable<string> Steps(JsonElement plan) =>
        plan.GetProperty("steps")
            .EnumerateArray()
            .Select(step => $"{step.GetProperty("step").GetString()} {step.GetProperty("reason").GetString()}");

    private static int Number(JsonElement run, string name) =>
        run.GetProperty("output")
            .EnumerateObject()
            .First(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Value.GetInt32();
}

/// <summary>Starts that make no sense, against one app.</summary>
public sealed class PotholeBadStartTests(PotholeBadStartTests.Host app) : IClassFixture<PotholeBadStartTests.Host>
{
    [Theory]
    [InlineData("""{"date": "2026-02-30"}""", "date")]
    [InlineData("""{"date": "2026-02-12; rm -rf /"}""", "date")]
    [InlineData("""{"date": "$(id)"}""", "date")]
    [InlineData("""{"date": "../2026-02-12"}""", "date")]
    [InlineData("""{"date": "2999-01-01"}""", "date")]
    [InlineData("""{"date": "٢٠٢٦-٠٢-١٢"}""", "date")]
    [InlineData("""{"date": "2026-02-12", "from": "2026-02-11"}""", "date")]
    [InlineData("""{"from": "2026-02-12", "to": "2026-02-11"}""", "to")]
    [InlineData("""{"from": "2021-01-01", "to": "2026-02-11"}""", "to")]
    [InlineData("""{"from": "2026-02-12"}""", "to")]
    [InlineData("""{}""", "from")]
    [InlineData("""{"date": 5}""", "date")]
    [InlineData("""{"day": "2026-02-12"}""", "day")]
    [InlineData("""{"date": "2026-02-12", "force": "yes"}""", "force")]
    [InlineData("""{"date": "2026-02-12", "Date": "2026-02-13"}""", "date")]
    [InlineData("""{"date": "2026-02-1\u0000"}""", "date")]
    [InlineData("[", "body")]
    public async Task A_bad_start_names_the_field(string body, string field)
    {
        (HttpStatusCode code, JsonElement answer) = await app.App.PostAsync("/api/pothole", body);
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.True(answer.GetProperty("fields").TryGetProperty(field, out _), answer.ToString());
    }

    [Fact]
    public async Task A_range_that_shares_a_day_with_a_running_one_is_refused_with_its_links()
    {
        // Nothing can be listed in the bucket: the range keeps trying its first day.
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await app.App.PostAsync("/api/pothole", """{"from": "2026-01-10", "to": "2026-01-12"}""")).Status
        );
        foreach (
            string start in (string[])
                [
                    """{"from": "2026-01-12", "to": "2026-01-14"}""",
                    """{"from": "2026-01-09", "to": "2026-01-10"}""",
                    """{"from": "2026-01-01", "to": "2026-01-20"}""",
                    """{"date": "2026-01-11", "force": true}""",
                ]
        )
        {
            (HttpStatusCode code, JsonElement busy) = await app.App.PostAsync("/api/pothole", start);
            Assert.Equal((HttpStatusCode.Conflict, "pothole-backfill-2026-01-10-2026-01-12"), (code, busy.GetProperty("Id").GetString()));
        }

        (HttpStatusCode, JsonElement)[] together = await Task.WhenAll(
            Enumerable
                .Range(14, 10)
                .Select(day => app.App.PostAsync("/api/pothole", $$"""{"from": "2026-01-13", "to": "2026-01-{{day}}"}"""))
        );
        Assert.Equal(1, together.Count(answer => answer.Item1 == HttpStatusCode.Accepted));
        Assert.Equal(9, together.Count(answer => answer.Item1 == HttpStatusCode.Conflict));
    }

    public sealed class Host : IAsyncLifetime
    {
        internal AppProcess App { get; private set; } = null!;

        public async Task InitializeAsync() =>
            App = await AppProcess.StartAsync(
                settings: new Dictionary<string, string>
                {
                    ["Pothole__Bucket"] = "no-such-bucket",
                    ["Pothole__MasterInstanceId"] = "i-0123456789abcdef0",
                    ["Pothole__WorkerInstanceIds"] = "i-0123456789abcdef1",
                }
            );

        public async Task DisposeAsync() => await App.DisposeAsync();
    }
}
