using Durable.Activities.Operations;
using Durable.Operations.Notifications;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>A slot's notifications while the channel is down.</summary>
public sealed class SlotNewsTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Fact]
    public async Task Slack_that_is_down_fails_no_slot_and_hears_the_news_once_when_it_is_back()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        NpgsqlDataSource database = world.Get<NpgsqlDataSource>();
        (bool isDown, List<string> heard) = (true, []);
        await using WebApplication slack = await SlackAsync(text =>
        {
            if (isDown)
                return 503;
            heard.Add(text);
            return 200;
        });
        NotificationOptions options = new() { Webhook = new Uri(slack.Urls.First()), AllowedHosts = "127.0.0.1" };
        DeliverNotifications deliver = new(
            new NotificationSender(database, new HttpClient(), options, TimeProvider.System, NullLogger<NotificationSender>.Instance)
        );

        await sandbox.FaultAsync("ec2", "DescribeAvailabilityZones", "500", times: -1, match: "us-west-1"); // something to tell
        SlotTime slot = world.Now;
        SlotResult result = await world.RunAsync(slot);
        Assert.Equal(0, await deliver.RunAsync(null, default));
        Assert.Equal((SlotEnding.Stored, 1), (result.State, result.Sources.Count));
        Assert.Equal(slot.Text, world.Bucket.Objects[SpotKeys.Latest].Metadata["slot"]);
        Assert.Equal("HTTP 503", await ScalarAsync(database, "SELECT last_error FROM operations.notification_deliveries"));

        world.Clock.Set(slot.Plus(1).Utc.AddSeconds(5));
        Assert.Equal(SlotEnding.Stored, (await world.RunAsync(slot.Plus(1))).State);
        isDown = false;
        await ScalarAsync(database, "UPDATE operations.notification_deliveries SET next_try_at = now() RETURNING channel");
        Assert.Equal(1, await deliver.RunAsync(null, default));
        Assert.Equal(0, await deliver.RunAsync(null, default));
        Assert.Contains("spot prices incomplete", Assert.Single(heard), StringComparison.Ordinal);
    }

    private static async Task<string?> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string;
    }

    private static async Task<WebApplication> SlackAsync(Func<string, int> answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        app.MapPost(
            "/",
            async (HttpRequest request) =>
            {
                using StreamReader reader = new(request.Body);
                return Results.StatusCode(answer(await reader.ReadToEndAsync()));
            }
        );
        await app.StartAsync();
        return app;
    }
}
