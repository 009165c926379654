using System.Collections.Concurrent;
using System.Net;
using Durable.Pipelines.Operations;
using Durable.Pipelines.Operations.Notifications;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Pipelines.Operations;

public sealed class NotificationTests
{
    [Fact]
    public async Task A_message_reaches_the_webhook_once_and_is_tried_again_after_a_failure()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        ConcurrentQueue<string> received = [];
        Queue<HttpStatusCode> answers = new([HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK]);
        await using WebApplication receiver = await ReceiverAsync(received, answers);
        NotificationOutbox outbox = new(database);
        NotificationSender sender = Sender(database, receiver.Urls.First());
        RunStatistics failed = RunLedger.Summarize("hazard-1/x", "hazard-1", "hazard", [new("SSP245/2050", 0, 0, 0, 1, "Password=hunter2 refused")], 0, 1, null);
        await outbox.AddRunAsync(failed);
        await outbox.AddRunAsync(failed); // a retried activity

        Assert.Equal(0, await sender.DeliverAsync()); // 503: put off
        Assert.Equal(0, await sender.DeliverAsync()); // not due yet
        await ExecuteAsync(database, "UPDATE operations.notification_deliveries SET next_try_at = now()");
        Assert.Equal(1, await sender.DeliverAsync());
        Assert.Equal(0, await sender.DeliverAsync());

        Assert.Equal(2, received.Count);
        Assert.All(received, text =>
        {
            Assert.Contains("\"text\"", text, StringComparison.Ordinal);
            Assert.Contains("SSP245/2050", text, StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_webhook_outside_the_allow_list_gets_nothing()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        await new NotificationOutbox(database).AddAsync("k", NotificationOutbox.Failed, "s", "b");
        NotificationSender sender = new(database, new HttpClient(), new NotificationOptions { Webhook = new Uri("http://127.0.0.1:9/") }, TimeProvider.System, NullLogger<NotificationSender>.Instance);

        Assert.Equal(0, await sender.DeliverAsync());
    }

    [Fact]
    public async Task A_success_after_a_failure_is_told_as_a_recovery()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        RunLedger ledger = new(database);
        NotificationOutbox outbox = new(database);
        foreach ((string run, string? error) in new[] { ("h/1", "x"), ("h/2", (string?)null), ("h/3", null) })
        {
            await ledger.BeginAsync(run, "h", "hazard", new { }, null, 1);
            await outbox.AddRunAsync(await ledger.FinishAsync(run, [new PartitionOutcome("a", 1, 9, 0, 1, error)], 0));
        }

        await using NpgsqlCommand command = database.CreateCommand("SELECT array_agg(event ORDER BY id) FROM operations.notifications");
        Assert.Equal(["failed", "recovered", "completed"], (string[])(await command.ExecuteScalarAsync())!);
    }

    [Theory]
    [InlineData("Host=h;Password=abc;User=u", "Host=h;Password=***;User=u")]
    [InlineData("postgres://me:pw@host/db", "postgres://***@host/db")]
    [InlineData("Authorization: Bearer abc.def", "Authorization: ***")]
    [InlineData("key AKIAABCDEFGHIJKLMNOP end", "key *** end")]
    public void Secrets_are_taken_out(string text, string expected) => Assert.Equal(expected, Redaction.Redact(text));

    [Fact]
    public async Task A_backup_is_whole_readable_and_the_oldest_goes()
    {
        string connection = await PostgresServer.CreateDatabaseAsync();
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        await SchemaSteps.ApplyAsync(database);
        string folder = Directory.CreateTempSubdirectory("durable-backup-").FullName;
        DatabaseBackup backup = new(new BackupOptions { ConnectionString = connection, Directory = folder, Kept = 2 }, TimeProvider.System);

        List<string> dumps = [];
        for (int i = 0; i < 3; i++) dumps.Add(await backup.DumpAsync("climate", ["climate.hazard_cells*"]));

        Assert.Equal(dumps[1..], Directory.GetFiles(folder).Order());
        Assert.Equal("PGDMP"u8.ToArray(), (await File.ReadAllBytesAsync(dumps[2]))[..5]);
        Directory.Delete(folder, recursive: true);
    }

    private static NotificationSender Sender(NpgsqlDataSource database, string url) => new(
        database, new HttpClient(), new NotificationOptions { Webhook = new Uri(url), AllowedHosts = "127.0.0.1" }, TimeProvider.System, NullLogger<NotificationSender>.Instance);

    private static async Task<WebApplication> ReceiverAsync(ConcurrentQueue<string> received, Queue<HttpStatusCode> answers)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        app.MapPost("/", async (HttpRequest request) =>
        {
            using StreamReader reader = new(request.Body);
            received.Enqueue(await reader.ReadToEndAsync());
            return Results.StatusCode((int)answers.Dequeue());
        });
        await app.StartAsync();
        return app;
    }

    private static async Task<NpgsqlDataSource> DatabaseAsync()
    {
        NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await SchemaSteps.ApplyAsync(database);
        return database;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
