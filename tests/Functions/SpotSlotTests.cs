using System.Net;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Durable.Functions.Spot;
using Durable.Operations.Plans;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>The spot collector as its users meet it: over HTTP and its timers, on the AWS sandbox, with Timestream, killed with
/// SIGKILL.</summary>
public sealed class SpotSlotTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    private const string Bucket = "spot-tests",
        TimestreamRegion = "us-west-2"; // Timestream is not everywhere

    [Fact]
    public async Task Twenty_starts_of_a_slot_are_one_and_the_slot_is_read_planned_and_backfilled()
    {
        Dictionary<string, string> settings = await PrepareAsync();
        await using AppProcess app = await AppProcess.StartAsync(settings: settings);
        SlotTime slot = await NowAsync();
        string body = $$"""{"slot": "{{slot}}"}""";
        (HttpStatusCode Status, JsonElement Body)[] answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => app.PostAsync("/api/spot", body))
        );
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.Accepted);
        Assert.Equal(19, answers.Count(answer => answer.Status == HttpStatusCode.Conflict));
        JsonElement output = Output(await app.WaitAsync(slot.InstanceId));
        int rows = output.GetProperty("Rows").GetInt32();
        Assert.True(rows > 0 && output.GetProperty("Sources").GetArrayLength() == 0, output.ToString());

        // It is there: by every way of asking.
        Assert.Equal(HttpStatusCode.Conflict, (await app.PostAsync("/api/spot", body)).Status);
        Assert.Equal(
            "present",
            (await app.PostAsync("/api/spot", $$"""{"slot": "{{slot}}", "dryRun": true}""")).Body.GetProperty("reason").GetString()
        );
        Assert.Equal(rows, (await app.GetAsync("/api/spot/market")).Body.GetProperty("rows").GetArrayLength());
        Assert.Equal(rows, (await app.GetAsync($"/api/spot/market?at={slot}:00Z")).Body.GetProperty("rows").GetArrayLength());
        JsonElement row = (await app.GetAsync("/api/spot/market?type=t3.micro&region=eu-north-1&limit=1")).Body.GetProperty("rows")[0];
        Assert.Equal("t3.micro", row.GetProperty("instanceType").GetString());
        Assert.Equal(
            1,
            (await app.GetAsync($"/api/spot/history?type=t3.micro&region=eu-north-1&zone={row.GetProperty("zone").GetString()}"))
                .Body.GetProperty("changes")
                .GetArrayLength()
        );
        JsonElement record = (await app.GetAsync($"/api/spot/slots/{slot}")).Body;
        Assert.Equal(("present", 1), (record.GetProperty("state").GetString(), record.GetProperty("runs").GetArrayLength()));
        using AmazonS3Client s3 = sandbox.S3();
        using (GetObjectResponse latest = await s3.GetObjectAsync(Bucket, SpotKeys.Latest))
            Assert.Equal(rows, (await JsonDocument.ParseAsync(latest.ResponseStream)).RootElement.GetArrayLength());
        Assert.NotEmpty(await sandbox.CallsAsync(operation: "WriteRecords"));
        Assert.Contains(await sandbox.CallsAsync("ec2", "GetSpotPlacementScores"), call => call.Outcome == "passed");

        // Two slots ago there was no app; one of the two left raw files behind.
        SlotTime filled = slot.Plus(-1),
            lost = slot.Plus(-2);
        foreach (
            (string from, string to) in new[]
            {
                (SpotKeys.Scores(slot, 1), SpotKeys.Scores(filled, 1)),
                (SpotKeys.Interruptions(slot), SpotKeys.Interruptions(filled)),
                (SpotKeys.SpotPrices(slot), SpotKeys.SpotPrices(filled)),
            }
        )
            await s3.CopyObjectAsync(Bucket, from, Bucket, to);
        if (filled.Day != slot.Day)
            await s3.CopyObjectAsync(Bucket, SpotKeys.OnDemandPrices(slot.Day), Bucket, SpotKeys.OnDemandPrices(filled.Day));
        if (filled.Day != slot.Day)
            await s3.CopyObjectAsync(Bucket, SpotKeys.Workload(slot.Day), Bucket, SpotKeys.Workload(filled.Day));
        await StoredSinceTheLookAsync(app, filled);
        string range = $$"""{"from": "{{lost}}", "to": "{{slot}}" """;
        JsonElement report = (await app.GetAsync($"/api/spot/gaps?from={lost}&to={slot}")).Body;
        Assert.Equal(
            (3, 1, 1),
            (report.GetProperty("slots").GetInt32(), report.GetProperty("present").GetInt32(), report.GetProperty("canBeFilled").GetInt32())
        );
        Assert.Contains("it stays missing", report.GetProperty("gaps")[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        string hash = (await app.PostAsync("/api/spot/backfill", range + """, "dryRun": true}""")).Body.GetProperty("plan").GetString()!;
        Assert.Equal(
            HttpStatusCode.Conflict,
            (await app.PostAsync("/api/spot/backfill", range + """, "plan": "0123456789abcdef"}""")).Status
        );
        (HttpStatusCode status, JsonElement started) = await app.PostAsync("/api/spot/backfill", range + $$""", "plan": "{{hash}}"}""");
        Assert.Equal(HttpStatusCode.Accepted, status);
        JsonElement backfill = Output(await app.WaitAsync(IdOf(started)));
        Assert.Equal((1, 1), (backfill.GetProperty("Filled").GetInt32(), backfill.GetProperty("Lost").GetInt32()));
        Assert.Equal("Late", backfill.GetProperty("Outcomes")[0].GetProperty("State").GetString());
        Assert.Equal(HttpStatusCode.Conflict, (await app.PostAsync("/api/spot/backfill", range + $$""", "plan": "{{hash}}"}""")).Status); // done: the plan no longer holds
        Assert.Equal(2, (await app.GetAsync($"/api/spot/gaps?from={lost}&to={slot}")).Body.GetProperty("present").GetInt32());
        (status, JsonElement refused) = await app.PostAsync("/api/spot", $$"""{"slot": "{{lost}}"}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Contains("its time is over", refused.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    /// <summary>A start that has looked waits for its turn; meanwhile the slot is stored. It is not run again.</summary>
    private static async Task StoredSinceTheLookAsync(AppProcess app, SlotTime slot)
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(app.Connection);
        Task<(HttpStatusCode Status, JsonElement Body)> late;
        await using (await new StartLock(database).HoldAsync(SpotHttp.Subject))
        {
            late = app.PostAsync("/api/spot", $$"""{"slot": "{{slot}}"}""");
            await Eventually.HoldsAsync(
                async () =>
                    await ScalarAsync(
                        app.Connection,
                        "SELECT 'waits' FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    ) == "waits",
                "a start that waits"
            );
            await ScalarAsync(
                app.Connection,
                $"INSERT INTO spot.slots (slot, state, capacity, run_id, delta_key, committed_at) VALUES ('{slot}Z', 'present', 1, 'other', 'x', now())"
            );
        }

        (HttpStatusCode status, JsonElement answer) = await late;
        Assert.Equal((HttpStatusCode.Conflict, $"Slot {slot} is in the history."), (status, answer.GetProperty("error").GetString()));
        await ScalarAsync(app.Connection, $"DELETE FROM spot.slots WHERE slot = '{slot}Z'");
    }

    [Fact]
    public async Task Wrong_values_are_named_and_nothing_is_started()
    {
        Dictionary<string, string> settings = await PrepareAsync();
        await using AppProcess app = await AppProcess.StartAsync(settings: settings);
        await BadAsync(await app.PostAsync("/api/spot", """{"slot": "now", "maxRemovedShare": 2}"""), "slot", "maxRemovedShare");
        await BadAsync(await app.PostAsync("/api/spot", """{"slots": 1}"""), "slots");
        await BadAsync(await app.PostAsync("/api/spot", "[1]"), "body");
        await BadAsync(await app.PostAsync("/api/spot/backfill", """{"from": "x", "to": "y"}"""), "from", "to");
        await BadAsync(await app.PostAsync("/api/spot/backfill", """{"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}"""), "to");
        await BadAsync(await app.PostAsync("/api/spot/backfill", """{"from": "2020-01-01T00:00", "to": "2026-01-01T00:00"}"""), "to");
        await BadAsync(await app.PostAsync("/api/spot/workload", """{"date": "2020-01-01"}"""), "date");
        await BadAsync(await app.GetAsync("/api/spot/gaps?from=2999-01-01T00:00&to=2999-01-01T00:00"), "to");
        await BadAsync(await app.GetAsync("/api/spot/market?limit=0&at=noon&colour=red"), "colour", "at", "limit");
        await BadAsync(await app.GetAsync("/api/spot/history?type=a"), "region", "zone");
        await BadAsync(await app.GetAsync("/api/spot/slots/now"), "slot");
        await BadAsync(await app.PostAsync("/api/spot?dryRun=perhaps&slot=x", "{}"), "slot", "dryRun");
        await BadAsync(await app.GetAsync("/api/spot/history?type=a&region=r&zone=z&from=x&to=y&limit=1001"), "from", "to", "limit");
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync("/api/spot/slots/2026-01-01T00:00")).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await app.PostAsync("/api/spot", """{"dryRun": true}""")).Status); // no questions yet

        // Tomorrow's questions, by hand and by the timer, which finds them; then a plan that no longer holds.
        SlotTime slot = await NowAsync();
        (HttpStatusCode status, JsonElement started) = await app.PostAsync("/api/spot/workload", "{}");
        Assert.Equal(HttpStatusCode.Accepted, status);
        JsonElement packed = Output(await app.WaitAsync(IdOf(started)));
        Assert.Equal(packed.GetProperty("Bound").GetInt32(), packed.GetProperty("Queries").GetInt32());
        string hash = (await app.PostAsync("/api/spot", $$"""{"slot": "{{slot}}", "dryRun": true}"""))
            .Body.GetProperty("plan")
            .GetString()!;
        Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/admin/functions/TickSpotSlot", "{}")).Status);
        string tick = "";
        await Eventually.HoldsAsync(async () =>
            (tick = await ScalarAsync(app.Connection, "SELECT max(instance_id) FROM operations.runs WHERE kind = 'spot'")).Length > 0
        );
        Assert.Equal("Stored", Output(await app.WaitAsync(tick)).GetProperty("State").GetString());
        if (tick == slot.InstanceId)
            Assert.Equal(
                HttpStatusCode.Conflict,
                (await app.PostAsync("/api/spot", $$"""{"slot": "{{slot}}", "plan": "{{hash}}"}""")).Status
            );
        Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/admin/functions/TickSpotWorkload", "{}")).Status);

        await using AppProcess off = await AppProcess.StartAsync();
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await off.PostAsync("/api/spot", "{}")).Status);

        static Task BadAsync((HttpStatusCode Status, JsonElement Body) answer, params string[] fields)
        {
            Assert.Equal(
                (HttpStatusCode.BadRequest, string.Join(',', fields)),
                (answer.Status, string.Join(',', answer.Body.GetProperty("fields").EnumerateObject().Select(field => field.Name)))
            );
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_host_killed_in_the_statements_that_begin_store_and_close_a_slot_stores_it_once()
    {
        Dictionary<string, string> settings = await PrepareAsync();
        AppProcess app = await AppProcess.StartAsync(settings: settings);
        try
        {
            SlotTime slot = await NowAsync();
            await using KillPoints points = await KillPoints.CreateAsync(app.Connection);
            bool started = false;
            foreach (string point in new[] { "run spot running", $"spot {slot} present", "run spot completed" })
            {
                await points.ArmAsync(point);
                if (!started)
                    Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/api/spot", $$"""{"slot": "{{slot}}"}""")).Status);
                started = true;
                await points.ReachedAsync(point, () => app.Log);
                app.Kill();
                await points.DisarmAsync();
                string connection = app.Connection;
                await app.DisposeAsync();
                app = await AppProcess.StartAsync(connection, settings);
            }

            JsonElement output = Output(await app.WaitAsync(slot.InstanceId));
            Assert.Equal("Stored", output.GetProperty("State").GetString());
            string rows = output.GetProperty("Rows").GetInt32().ToString(System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(
                $"{rows} {rows} {rows} 1 1",
                await ScalarAsync(
                    app.Connection,
                    """
                    SELECT format('%s %s %s %s %s', (SELECT count(*) FROM spot.spot_changes), (SELECT count(*)
                        FROM spot.spot_latest), (SELECT count(*) FROM spot.market_keys),
                        (SELECT capacity_index FROM spot.rotation), (SELECT count(*) FROM spot.slots WHERE state = 'present'))
                    """
                )
            );
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    /// <summary>Instance id of a started run.</summary>
    private static string IdOf(JsonElement started) =>
        started.EnumerateObject().First(member => member.Name.Equals("id", StringComparison.OrdinalIgnoreCase)).Value.GetString()!;

    /// <summary>The slot of now, of which a minute is left: a slot can be collected in its own ten minutes only.</summary>
    private static async Task<SlotTime> NowAsync()
    {
        for (; ; await Task.Delay(500))
        {
            SlotTime slot = SlotTime.Of(DateTime.UtcNow);
            if (SlotTime.Of(DateTime.UtcNow.AddMinutes(1)) == slot)
                return slot;
        }
    }

    /// <summary>An output may be JSON itself or JSON in a string, by host.</summary>
    private static JsonElement Output(JsonElement status)
    {
        Assert.True(status.GetProperty("runtimeStatus").GetString() == "Completed", status.ToString());
        Assert.True(status.TryGetProperty("output", out JsonElement output), status.ToString());
        Assert.True(output.ValueKind is JsonValueKind.Object or JsonValueKind.String, status.ToString());
        return output.ValueKind == JsonValueKind.String ? JsonSerializer.Deserialize<JsonElement>(output.GetString()!) : output;
    }

    private static async Task<string> ScalarAsync(string connection, string sql)
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string ?? "";
    }

    private async Task<Dictionary<string, string>> PrepareAsync()
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        using AmazonTimestreamWriteClient timestream = new(
            new BasicAWSCredentials("sandbox", "sandbox"),
            new AmazonTimestreamWriteConfig { ServiceURL = sandbox.Endpoint, AuthenticationRegion = TimestreamRegion }
        );
        await timestream.CreateDatabaseAsync(new CreateDatabaseRequest { DatabaseName = "spotlake" });
        await timestream.CreateTableAsync(new CreateTableRequest { DatabaseName = "spotlake", TableName = "aws" });
        return new Dictionary<string, string>(sandbox.Environment)
        {
            ["AWS_REGION"] = TimestreamRegion,
            ["Spot__Bucket"] = Bucket,
            ["Spot__Regions"] = "eu-north-1,us-west-1",
            ["Spot__InstanceTypes"] = "t3.micro,m5.*",
            ["Spot__AdvisorUrl"] = sandbox.Endpoint + "/sandbox/spot-advisor-data.json",
            ["Spot__Accounts"] = "default,arn:aws:iam::111111111111:role/spot",
            ["Spot__QueriesPerAccount"] = "5",
            ["Spot__QueriesPerPart"] = "4",
            ["Spot__TimestreamDatabase"] = "spotlake",
        };
    }
}
