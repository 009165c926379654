using System.Text.Json;
using Durable.Pipelines.Returns;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>Both sources over one PostgreSQL return the same rows, whatever the transport does.</summary>
public sealed class SourceTests(SourceTests.World world) : IClassFixture<SourceTests.World>
{
    [Fact]
    public async Task Both_sources_give_the_same_rows()
    {
        foreach (SourceTable table in (SourceTable[])[SourceTable.Embeddings, SourceTable.Outcomes])
        {
            string[] rest = await ReadAsync(world.Rest(), table),
                direct = await ReadAsync(world.Direct, table);
            Assert.Equal(25, direct.Length);
            Assert.Equal(direct, rest);
            Assert.Equal(direct[^1], Normal((await world.Direct.ReadNewestAsync(table))!.Value.GetRawText()));
            Assert.Equal(direct[^1], Normal((await world.Rest().ReadNewestAsync(table))!.Value.GetRawText()));
        }

        DateTime since = ReturnsSample.Newest.AddMinutes(-50);
        Assert.Equal(6, (await ReadAsync(world.Direct, SourceTable.Embeddings, since)).Length); // the time itself is included
        Assert.Equal(
            await ReadAsync(world.Direct, SourceTable.Embeddings, since),
            await ReadAsync(world.Rest(), SourceTable.Embeddings, since)
        );
    }

    [Theory, InlineData(1), InlineData(7), InlineData(24), InlineData(25), InlineData(1000)]
    public async Task A_cap_of_the_server_loses_nothing(int cap)
    {
        await using PostgrestServer server = await PostgrestServer.StartAsync(world.Source);
        server.MaxRows = cap;
        Assert.Equal(await ReadAsync(world.Direct, SourceTable.Outcomes), await ReadAsync(world.Rest(server), SourceTable.Outcomes));
    }

    [Fact]
    public async Task Rows_inserted_and_removed_while_reading_shift_nothing()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await ReturnsSample.SourceAsync(source, 20);
        await using PostgrestServer server = await PostgrestServer.StartAsync(source);
        server.MaxRows = 5;
        string[] before = await ReadAsync(new PostgresSource(source), SourceTable.Outcomes);
        server.Before = async request =>
        {
            // Before and behind the page that is read next: by offset, one row would come twice and one never.
            if (request == 2)
                await ReturnsSample.SourceAsync(source, 3, 0.2, ReturnsSample.Newest.AddMinutes(-10 * 25));
            if (request == 3)
                await ExecuteAsync(source, "DELETE FROM simulations_10m WHERE ts = (SELECT min(ts) FROM simulations_10m)");
            if (request == 4)
                await ReturnsSample.SourceAsync(source, 2, 0.3, ReturnsSample.Newest.AddMinutes(20));
        };
        string[] read = await ReadAsync(world.Rest(server), SourceTable.Outcomes);
        Assert.Equal(before, read.Take(before.Length));
        Assert.Equal(before.Length + 2, read.Length); // and the two that came at the end
        Assert.Equal(read.Length, read.Distinct().Count());
    }

    [Theory]
    [InlineData(503, """{"code": "PGRST000", "message": "Could not connect with the database"}""")]
    [InlineData(504, """{"code": "PGRST003", "message": "Timed out acquiring connection"}""")]
    [InlineData(500, """{"code": "40001", "message": "could not serialize access"}""")]
    [InlineData(500, """{"code": "57014", "message": "canceling statement due to statement timeout"}""")]
    [InlineData(0, "")] // the connection breaks
    public async Task What_passes_is_tried_again(int status, string body)
    {
        await using PostgrestServer server = await PostgrestServer.StartAsync(world.Source);
        server.Fail(status, body);
        Assert.Equal(25, (await ReadAsync(world.Rest(server), SourceTable.Outcomes)).Length);
    }

    [Theory]
    [InlineData(400, """{"code": "PGRST100", "message": "failed to parse"}""")]
    [InlineData(401, """{"message": "Invalid API key", "hint": ""}""")]
    [InlineData(403, """{"code": "42501", "message": "permission denied"}""")]
    [InlineData(500, """{"code": "XX000", "message": "internal error"}""")]
    [InlineData(200, """{"not": "a list"}""")]
    [InlineData(200, "<html>")]
    public async Task What_does_not_pass_is_refused_at_once_and_says_why(int status, string body)
    {
        await using PostgrestServer server = await PostgrestServer.StartAsync(world.Source);
        server.Fail(status, body);
        SourceRefusedException error = await Assert.ThrowsAsync<SourceRefusedException>(() =>
            ReadAsync(world.Rest(server), SourceTable.Outcomes)
        );
        Assert.Contains("simulations_10m", error.Message);
        Assert.DoesNotContain(PostgrestServer.Key, error.Message);
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task A_source_that_stays_away_is_reported_after_five_attempts()
    {
        await using PostgrestServer server = await PostgrestServer.StartAsync(world.Source);
        for (int i = 0; i < 5; i++)
            server.Fail(503, """{"code": "PGRST001", "message": "no connection"}""");
        await Assert.ThrowsAsync<SourceUnavailableException>(() => ReadAsync(world.Rest(server), SourceTable.Outcomes));
        Assert.Equal(5, server.Requests);
    }

    [Fact]
    public async Task Only_what_is_new_is_read_and_late_rows_are_found()
    {
        await using NpgsqlDataSource database = await world.DatabaseAsync(),
            source = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        ReturnsTable table = new(database);
        await ReturnsSample.SourceAsync(source, 30);
        await ExecuteAsync(
            source,
            $"CREATE TABLE late AS SELECT * FROM ai_outputs WHERE base_ts = '{ReturnsSample.Newest.AddMinutes(-40):O}'; DELETE FROM ai_outputs USING late WHERE ai_outputs.base_ts = late.base_ts"
        );
        SourceRead first = await SyncAsync("first");
        Assert.Equal((29, 29), (first.Read, first.Changed));

        await ExecuteAsync(source, "INSERT INTO ai_outputs SELECT * FROM late");
        await ReturnsSample.SourceAsync(source, 2, 0.4, ReturnsSample.Newest.AddMinutes(20));
        SourceRead second = await SyncAsync("second");
        Assert.Equal((9, 3), (second.Read, second.Changed)); // an hour back, two new ones, and the late one

        SourceRead third = await SyncAsync("third");
        Assert.Equal(0, third.Changed);
        await table.SyncAsync(new PostgresSource(source), SourceTable.Outcomes, "third", TimeSpan.FromHours(1), null);
        Assert.Equal(32, (await table.WindowAsync(null, 0)).Rows);
        Assert.Equal(
            (10, ReturnsSample.Newest.AddMinutes(20)),
            ((await table.WindowAsync(null, 10)).Rows, (await table.WindowAsync(null, 10)).To!.Value)
        ); // the latest ten, not the first
        List<TrainingRow> rows = [];
        await foreach (TrainingRow row in table.ReadAsync(await table.WindowAsync(null, 10)))
            rows.Add(row);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => ReturnsSample.Newest.AddMinutes(-70 + (10 * i))), rows.Select(row => row.BaseTs));

        Task<SourceRead> SyncAsync(string run) =>
            table.SyncAsync(new PostgresSource(source), SourceTable.Embeddings, run, TimeSpan.FromHours(1), null);
    }

    [Fact]
    public async Task Bad_rows_are_counted_by_reason_and_the_good_ones_kept()
    {
        await using NpgsqlDataSource database = await world.DatabaseAsync(),
            source = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await ReturnsSample.SourceAsync(source, 12);
        string[] spoil =
        [
            "UPDATE ai_outputs SET embedding_a = embedding_a - 0 WHERE base_ts = (SELECT min(base_ts) FROM ai_outputs)",
            "UPDATE ai_outputs SET embedding_b = '\"{0.5,NaN}\"' WHERE base_ts = (SELECT max(base_ts) FROM ai_outputs)",
            $"UPDATE ai_outputs SET embedding_a = jsonb_set(embedding_a, '{{5}}', '3') WHERE base_ts = '{ReturnsSample.Newest.AddMinutes(-20):O}'",
            $"UPDATE ai_outputs SET embedding_b = NULL WHERE base_ts = '{ReturnsSample.Newest.AddMinutes(-30):O}'",
            $"UPDATE ai_outputs SET embedding_a = to_jsonb(embedding_a::text) WHERE base_ts = '{ReturnsSample.Newest.AddMinutes(-40):O}'", // text is as good as an array
            $"UPDATE simulations_10m SET scalper_return_pct = 'NaN' WHERE ts = '{ReturnsSample.Newest:O}'",
            $"UPDATE simulations_10m SET scalper_return_pct = NULL WHERE ts = '{ReturnsSample.Newest.AddMinutes(-10):O}'",
        ];
        foreach (string sql in spoil)
            await ExecuteAsync(source, sql);
        ReturnsTable table = new(database);
        SourceRead embeddings = await table.SyncAsync(new PostgresSource(source), SourceTable.Embeddings, "run", TimeSpan.Zero, null);
        SourceRead outcomes = await table.SyncAsync(new PostgresSource(source), SourceTable.Outcomes, "run", TimeSpan.Zero, null);
        Assert.Equal((12, 8), (embeddings.Read, embeddings.Changed));
        Assert.Equal(
            new Dictionary<string, long>
            {
                ["not_256"] = 2,
                ["not_finite"] = 1,
                ["not_unit"] = 1,
            },
            embeddings.Rejected.OrderBy(pair => pair.Key).ToDictionary()
        );
        Assert.Equal(
            new Dictionary<string, long> { ["not_finite"] = 1, ["target_missing"] = 1 },
            outcomes.Rejected.OrderBy(pair => pair.Key).ToDictionary()
        );
        await using NpgsqlCommand stored = database.CreateCommand(
            "SELECT string_agg(source_table || ' ' || reason || ' ' || rows, ', ' ORDER BY source_table, reason) FROM returns.rejects WHERE run_id = 'run'"
        );
        Assert.Equal(
            "ai_outputs not_256 2, ai_outputs not_finite 1, ai_outputs not_unit 1, simulations_10m not_finite 1, simulations_10m target_missing 1",
            await stored.ExecuteScalarAsync()
        );
    }

    [Theory]
    [InlineData("""{"ts": "yesterday"}""", "bad_time")]
    [InlineData("""{"ts": null}""", "bad_time")]
    [InlineData("""{"ts": "2025-12-23T08:00:00+00:00", "trend_return_pct": 0}""", "target_missing")]
    [InlineData("""{"ts": "2025-12-23T08:00:00", "trend_return_pct": "Infinity"}""", "not_finite")]
    public void A_bad_outcome_says_what_is_wrong(string json, string reason) =>
        Assert.Equal(reason, ReturnsRows.ReadOutcome(JsonSerializer.Deserialize<JsonElement>(json)).Reject!.Reason);

    [Fact]
    public void A_time_without_a_zone_is_utc()
    {
        Assert.True(ReturnsRows.TryTime("2025-12-23T08:00:00", out DateTime plain));
        Assert.True(ReturnsRows.TryTime("2025-12-23T17:00:00+09:00", out DateTime korean));
        Assert.Equal(plain, korean);
        Assert.Equal(DateTimeKind.Utc, plain.Kind);
    }

    private static async Task<string[]> ReadAsync(IReturnsSource source, SourceTable table, DateTime? since = null)
    {
        List<string> rows = [];
        await foreach (JsonElement row in source.ReadAsync(table, since))
            rows.Add(Normal(row.GetRawText()));
        return [.. rows];
    }

    // json_agg puts line breaks where row_to_json puts none; values are the same bytes.
    private static string Normal(string json) =>
        json.Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public sealed class World : IAsyncLifetime
    {
        private PostgrestServer server = null!;

        internal NpgsqlDataSource Source { get; private set; } = null!;

        internal IReturnsSource Direct => new PostgresSource(Source);

        public async Task InitializeAsync()
        {
            Source = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
            await ReturnsSample.SourceAsync(Source, 25);
            server = await PostgrestServer.StartAsync(Source);
        }

        public async Task DisposeAsync()
        {
            await server.DisposeAsync();
            await Source.DisposeAsync();
        }

        internal IReturnsSource Rest(PostgrestServer? other = null) =>
            new PostgrestSource(
                new HttpClient(),
                new ReturnsOptions { SupabaseUrl = (other ?? server).Url, SupabaseKey = PostgrestServer.Key },
                TimeProvider.System
            );

        /// <summary>A database with the pipelines' tables.</summary>
        internal async Task<NpgsqlDataSource> DatabaseAsync() => NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
    }
}
