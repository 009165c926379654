using System.Collections.Concurrent;
using System.Net;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Operations;

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
        RunStatistics failed = RunLedger.Summarize(
            "hazard-1/x",
            "hazard-1",
            "hazard",
            [new("SSP245/2050", 0, 0, 0, 1, "Password=hunter2 refused")],
            0,
            1,
            null
        );
        await outbox.AddRunAsync(failed);
        await outbox.AddRunAsync(failed); // a retried activity

        Assert.Equal(0, await sender.DeliverAsync()); // 503: put off
        Assert.Equal(0, await sender.DeliverAsync()); // not due yet
        await ExecuteAsync(database, "UPDATE operations.notification_deliveries SET next_try_at = now()");
        Assert.Equal(1, await sender.DeliverAsync());
        Assert.Equal(0, await sender.DeliverAsync());

        Assert.Equal(2, received.Count);
        Assert.All(
            received,
            text =>
            {
                Assert.Contains("\"text\"", text, StringComparison.Ordinal);
                Assert.Contains("SSP245/2050", text, StringComparison.Ordinal);
                Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
            }
        );
    }

    [Fact]
    public async Task A_webhook_outside_the_allow_list_gets_nothing()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        await new NotificationOutbox(database).AddAsync("k", NotificationEvent.Failed, "s", "b");
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions { Webhook = new Uri("http://127.0.0.1:9/") },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(0, await sender.DeliverAsync());
    }

    [Fact]
    public async Task A_redirect_does_not_lead_past_the_allow_list()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        ConcurrentQueue<string> received = [];
        await using WebApplication receiver = await ReceiverAsync(received, new([HttpStatusCode.OK]));
        await using WebApplication redirecting = await AppAsync(app =>
            app.MapPost("/", () => Results.Redirect(receiver.Urls.First(), permanent: false, preserveMethod: true))
        );
        await new NotificationOutbox(database).AddAsync("k", NotificationEvent.Failed, "s", "b");

        Assert.Equal(0, await Sender(database, redirecting.Urls.First()).DeliverAsync());

        Assert.Empty(received);
        Assert.Equal("HTTP 307", await ScalarAsync<string>(database, "SELECT last_error FROM operations.notification_deliveries"));
    }

    [Fact]
    public async Task A_signed_webhook_can_be_verified_and_repeats_with_the_same_id()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        ConcurrentQueue<(string Body, string Time, string Signature)> received = [];
        Queue<int> answers = new([500, 200]);
        await using WebApplication receiver = await AppAsync(app =>
            app.MapPost(
                "/hook",
                async (HttpRequest request) =>
                {
                    using StreamReader reader = new(request.Body);
                    received.Enqueue(
                        (await reader.ReadToEndAsync(), request.Headers["X-Durable-Timestamp"]!, request.Headers["X-Durable-Signature"]!)
                    );
                    return Results.StatusCode(answers.Dequeue());
                }
            )
        );
        await new NotificationOutbox(database).AddAsync("k", NotificationEvent.CostGuard, "spark outlived its run", "token=abc i-1");
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions
            {
                Hook = new Uri(receiver.Urls.First() + "/hook"),
                HookSecret = "0123456789abcdef",
                AllowedHosts = "127.0.0.1",
            },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(0, await sender.DeliverAsync());
        await ExecuteAsync(database, "UPDATE operations.notification_deliveries SET next_try_at = now()");
        Assert.Equal(1, await sender.DeliverAsync());

        Assert.Equal(2, received.Count);
        Assert.All(
            received,
            call =>
            {
                byte[] mac = System.Security.Cryptography.HMACSHA256.HashData(
                    "0123456789abcdef"u8.ToArray(),
                    System.Text.Encoding.UTF8.GetBytes(call.Time + "." + call.Body)
                );
                Assert.Equal("sha256=" + Convert.ToHexStringLower(mac), call.Signature);
                Assert.InRange(
                    DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(call.Time, System.Globalization.CultureInfo.InvariantCulture),
                    0,
                    60
                );
                Assert.Contains(
                    "\"id\":1,\"event\":\"cost_guard\",\"subject\":\"spark outlived its run\",\"body\":\"token=*** i-1\"",
                    call.Body,
                    StringComparison.Ordinal
                );
            }
        );
    }

    [Fact]
    public void The_signature_is_the_published_one() =>
        Assert.Equal( // printf %s '1760000000.{"a":1}' | openssl dgst -sha256 -hmac topsecrettopsecret
            "sha256=2cdae8eba2c343312ff1e4b577e9818fc64d22b12ff2ca3d1122b06bafb3233a",
            HookChannel.Sign("topsecrettopsecret", "1760000000", """{"a":1}""")
        );

    [Fact]
    public async Task A_mail_arrives_with_its_event_and_no_header_of_its_subjects_making()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        await using MailServer server = await MailServer.StartAsync();
        await new NotificationOutbox(database).AddAsync(
            "k",
            NotificationEvent.Completed,
            "pothole 2026-02-12\r\nBcc: all@example.org",
            "Segments: 3\n.\n서울"
        );
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions
            {
                SmtpHost = "127.0.0.1",
                SmtpPort = server.Port,
                SmtpTls = false,
                MailFrom = "durable@example.org",
                MailTo = "a@example.org, b@example.org",
                AllowedHosts = "127.0.0.1",
            },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(1, await sender.DeliverAsync());
        Assert.Equal(0, await sender.DeliverAsync());

        ReceivedMail mail = Assert.Single(server.Mails);
        Assert.Equal(["a@example.org", "b@example.org"], mail.Receivers);
        Assert.Equal("pothole 2026-02-12 Bcc: all@example.org", mail.Message.Subject);
        Assert.Empty(mail.Message.Bcc);
        Assert.Equal("completed", mail.Message.Headers["X-Durable-Event"]);
        Assert.Equal("Segments: 3\n.\n서울", mail.Message.TextBody!.ReplaceLineEndings("\n").TrimEnd());
        Assert.Matches("^durable-1-[0-9]{14}@example.org$", mail.Message.MessageId);
    }

    [Fact]
    public async Task A_mail_server_without_encryption_gets_nothing_unless_it_is_asked_for()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        await using MailServer server = await MailServer.StartAsync();
        await new NotificationOutbox(database).AddAsync("k", NotificationEvent.Completed, "s", "b");
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions
            {
                SmtpHost = "127.0.0.1",
                SmtpPort = server.Port,
                MailFrom = "durable@example.org",
                MailTo = "a@example.org",
                AllowedHosts = "127.0.0.1",
            },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(0, await sender.DeliverAsync());

        Assert.Empty(server.Mails);
        Assert.Contains(
            "STARTTLS",
            await ScalarAsync<string>(database, "SELECT last_error FROM operations.notification_deliveries"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_mail_server_that_refuses_keeps_no_other_channel_waiting()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        await using MailServer server = await MailServer.StartAsync(refuses: true);
        ConcurrentQueue<string> received = [];
        await using WebApplication receiver = await ReceiverAsync(received, new([HttpStatusCode.OK]));
        await new NotificationOutbox(database).AddAsync("k", NotificationEvent.Failed, "s <!channel>", "b");
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions
            {
                Webhook = new Uri(receiver.Urls.First()),
                SmtpHost = "127.0.0.1",
                SmtpPort = server.Port,
                SmtpTls = false,
                MailFrom = "durable@example.org",
                MailTo = "a@example.org",
                AllowedHosts = "127.0.0.1",
            },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(1, await sender.DeliverAsync());

        Assert.DoesNotContain("<!channel>", Assert.Single(received), StringComparison.Ordinal);
        Assert.Equal(
            "mail",
            await ScalarAsync<string>(
                database,
                "SELECT channel FROM operations.notification_deliveries WHERE delivered_at IS NULL AND attempts = 1 AND last_error LIKE '%not here%'"
            )
        );
    }

    [Fact]
    public async Task No_channel_gets_more_than_its_share_of_a_minute()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        ConcurrentQueue<string> received = [];
        await using WebApplication receiver = await ReceiverAsync(received, new(Enumerable.Repeat(HttpStatusCode.OK, 10)));
        for (int i = 0; i < 5; i++)
            await new NotificationOutbox(database).AddAsync($"k{i}", NotificationEvent.Failed, $"s{i}", "b");
        NotificationSender sender = new(
            database,
            Http(),
            new NotificationOptions
            {
                Webhook = new Uri(receiver.Urls.First()),
                AllowedHosts = "127.0.0.1",
                PerMinute = 3,
            },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

        Assert.Equal(3, await sender.DeliverAsync());
        Assert.Equal(0, await sender.DeliverAsync());
        await ExecuteAsync(database, "UPDATE operations.notification_deliveries SET tried_at = tried_at - interval '61 seconds'");
        Assert.Equal(2, await sender.DeliverAsync());

        Assert.Equal(Enumerable.Range(0, 5), received.Select(text => text[text.IndexOf("*s", StringComparison.Ordinal) + 2] - '0'));
    }

    [Fact]
    public async Task Two_senders_deliver_a_message_once()
    {
        await using NpgsqlDataSource database = await DatabaseAsync();
        ConcurrentQueue<string> received = [];
        await using WebApplication receiver = await ReceiverAsync(received, new(Enumerable.Repeat(HttpStatusCode.OK, 50)));
        for (int i = 0; i < 10; i++)
            await new NotificationOutbox(database).AddAsync($"k{i}", NotificationEvent.Failed, $"s{i}", "b");

        int[] delivered = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Sender(database, receiver.Urls.First()).DeliverAsync()));

        Assert.Equal((10, 10), (delivered.Sum(), received.Count));
    }

    [Theory]
    [InlineData("NotificationWebhook", "ftp://x/")]
    [InlineData("NotificationWebhook", "http://hooks.example.org/secret")]
    [InlineData("NotificationHook", "https://example.org/hook")]
    [InlineData("NotificationSmtpHost", "mail.example.org")]
    [InlineData("NotificationSmtpPort", "0")]
    [InlineData("NotificationsPerMinute", "many")]
    public void A_setting_that_cannot_work_is_named(string setting, string value)
    {
        IConfiguration settings = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create(setting, (string?)value)]).Build();

        System.ComponentModel.DataAnnotations.ValidationException refused =
            Assert.Throws<System.ComponentModel.DataAnnotations.ValidationException>(() => NotificationOptions.Read(settings));

        Assert.Contains(setting, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_success_after_a_failure_is_reported_as_a_recovery()
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

    private static NotificationSender Sender(NpgsqlDataSource database, string url) =>
        new(
            database,
            Http(),
            new NotificationOptions { Webhook = new Uri(url), AllowedHosts = "127.0.0.1" },
            TimeProvider.System,
            NullLogger<NotificationSender>.Instance
        );

    private static HttpClient Http() => new(new SocketsHttpHandler { AllowAutoRedirect = false });

    private static Task<WebApplication> ReceiverAsync(ConcurrentQueue<string> received, Queue<HttpStatusCode> answers) =>
        AppAsync(app =>
            app.MapPost(
                "/",
                async (HttpRequest request) =>
                {
                    using StreamReader reader = new(request.Body);
                    received.Enqueue(await reader.ReadToEndAsync());
                    lock (answers)
                        return Results.StatusCode((int)answers.Dequeue());
                }
            )
        );

    private static async Task<WebApplication> AppAsync(Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        map(app);
        await app.StartAsync();
        return app;
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<NpgsqlDataSource> DatabaseAsync() => NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
