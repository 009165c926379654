using Amazon.S3;
using Durable.Activities.Returns;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Operations.Schema;
using Durable.Pipelines.Returns;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>A served model is compared with its error at publication.</summary>
public sealed class DriftTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    private const string Bucket = "returns-drift";
    private const double AtPublication = 0.01;
    private readonly ReturnsOptions options = new() { Bucket = Bucket, MaxDrift = 4 };
    private NpgsqlDataSource database = null!;
    private AmazonS3Client s3 = null!;
    private ReturnsStorage storage = null!;

    public async Task InitializeAsync()
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await AppSchema.ApplyAsync(database);
        s3 = sandbox.S3();
        storage = new ReturnsStorage(s3, options);
        await storage.MovePointerAsync(new ModelPointer("s3://b/m", "v1", "00", "job", "s3://b/t", "now", AtPublication, null), from: null);
    }

    public async Task DisposeAsync()
    {
        s3.Dispose();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Nineteen_scores_say_nothing_and_the_twentieth_sounds_the_alarm_once()
    {
        await PredictAsync(19, error: 0.3); // squared 0.09: nine times what was published
        Assert.Equal((19, 0.09), await ScoreAsync("1"));
        Assert.Equal("", await TextAsync("SELECT string_agg(gate, ',') FROM operations.gates"));

        await PredictAsync(1, error: 0.3, from: 19);
        Assert.Equal((1, 0.09), await ScoreAsync("2"));
        Assert.Equal("mse_over_mse_at_publication v1 9.00 4 f", await GatesAsync());
        Assert.Equal(
            "gate_failed returns: model v1 drifts",
            await TextAsync("SELECT event || ' ' || subject FROM operations.notifications")
        );
        Assert.Equal(
            "mse_over_mse_at_publication of v1 is 9, allowed up to 4. Mean squared error of the last 20 scored predictions: 0.09; on the test rows at publication: 0.01. "
                + "See durable returns status; durable returns rollback serves the model before.",
            await TextAsync("SELECT body FROM operations.notifications")
        );

        // It keeps drifting: no second notification.
        await PredictAsync(5, error: 0.3, from: 20);
        await ScoreAsync("3");
        Assert.Equal("1", await TextAsync("SELECT count(*)::text FROM operations.notifications"));

        // Another model is another alarm.
        await storage.MovePointerAsync(
            new ModelPointer("s3://b/m", "v2", "00", "job", "s3://b/t", "now", AtPublication, "v1"),
            (await storage.ReadPointerAsync())!.ETag
        );
        await PredictAsync(20, error: 0.5, from: 40, version: "v2");
        await ScoreAsync("4");
        Assert.Equal(
            "returns: model v1 drifts,returns: model v2 drifts",
            await TextAsync("SELECT string_agg(subject, ',' ORDER BY id) FROM operations.notifications")
        );
    }

    [Fact]
    public async Task An_error_within_the_limit_is_on_record_and_nobody_is_told()
    {
        await PredictAsync(30, error: 0.19);
        await ScoreAsync("1");
        Assert.Equal("mse_over_mse_at_publication v1 3.61 4 t", await GatesAsync());
        Assert.Equal("0", await TextAsync("SELECT count(*)::text FROM operations.notifications"));
    }

    /// <summary>Predictions of a model with the outcome they missed by <paramref name="error"/> each.</summary>
    private async Task PredictAsync(int count, double error, int from = 0, string version = "v1")
    {
        PredictionTable predictions = new(database);
        for (int n = from; n < from + count; n++)
        {
            DateTime at = ReturnsSample.Newest.AddMinutes(10 * n);
            await predictions.AddAsync(at, version, [0, 0, 0, 0, 0, 0]);
            await using NpgsqlCommand outcome = database.CreateCommand("INSERT INTO returns.outcomes (ts, targets) VALUES ($1, $2)");
            outcome.Parameters.Add(new() { Value = at + ReturnsShape.Ahead });
            outcome.Parameters.Add(new() { Value = Enumerable.Repeat(error, 6).ToArray() });
            await outcome.ExecuteNonQueryAsync();
        }
    }

    private async Task<(int Scored, double Mse)> ScoreAsync(string run)
    {
        ScoreReturns score = new(
            new PredictionTable(database),
            storage,
            new DataGates(database),
            new NotificationOutbox(database),
            options
        );
        ScoredRows scored = await score.RunAsync(
            new ReturnsRun("returns-inference/" + run, "returns-inference", DateTime.UtcNow, new ReturnsRequest()),
            default
        );
        return (scored.Scored, Math.Round(scored.Mse!.Value, 6));
    }

    private Task<string> GatesAsync() =>
        TextAsync(
            "SELECT string_agg(concat_ws(' ', gate, subject, round(measured::numeric, 2), upper_limit, passed), ',') FROM operations.gates"
        );

    private async Task<string> TextAsync(string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string ?? "";
    }
}
