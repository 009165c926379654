using Durable.Host.Http;
using Durable.Host.Management;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Configuration;

namespace Durable.Tests.Host.Management;

public sealed class LinkKeyTests
{
    [Theory]
    [
        InlineData(null, 401),
        InlineData("wrong", 401),
        InlineData(ManagementHost.FunctionKey, 403),
        InlineData(ManagementHost.SystemKey, 200),
        InlineData(ManagementHost.MasterKey, 200)
    ]
    public async Task The_system_or_master_key_opens_the_api(string? key, int status)
    {
        await using ManagementHost host = await ManagementHost.StartAsync(keys: true);
        Answer answer = await host.Http.SendAsync("GET", ManagementHost.Base + "/instances", key: key);
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 401 ? "Bearer" : null, answer.Headers.GetValueOrDefault("WWW-Authenticate"));
    }

    [Fact]
    public async Task A_link_opens_its_own_instance_and_nothing_else()
    {
        await using ManagementHost host = await ManagementHost.StartAsync(keys: true);
        host.Hub.Put("other");
        Answer started = await host.PostAsync("/orchestrators/Hello/my%20run", "1", ManagementHost.SystemKey);
        string link = started.Headers["Location"];
        string code = link[(link.IndexOf("code=", StringComparison.Ordinal) + 5)..];

        Assert.Equal(202, (await host.Http.GetAsync(link)).Status);
        Assert.Equal(202, (await host.PostAsync($"/instances/my%20run/suspend?code={code}")).Status);
        Assert.Equal(401, (await host.GetAsync($"/instances/other?code={code}")).Status);
        Assert.Equal(401, (await host.GetAsync($"/instances?code={code}")).Status);
        Assert.Equal(401, (await host.PostAsync($"/orchestrators/Hello/my%20run?code={code}", "1")).Status);
        Assert.Equal(
            401,
            (await host.Http.SendAsync("DELETE", $"{ManagementHost.Base}/instances?createdTimeFrom=2020-01-01&code={code}")).Status
        );
    }

    [Fact]
    public async Task A_link_of_an_id_with_plus_opens_that_id_and_never_the_one_with_a_space()
    {
        await using ManagementHost host = await ManagementHost.StartAsync(keys: true);
        host.Hub.Put("v one", OrchestrationRuntimeStatus.Completed);
        Answer started = await host.PostAsync("/orchestrators/Hello/v%2Bone", "1", ManagementHost.SystemKey);
        string link = started.Headers["Location"];
        Assert.Contains("\"instanceId\":\"v+one\"", (await host.Http.GetAsync(link)).Text, StringComparison.Ordinal);

        host.Hub.Put("v+one", OrchestrationRuntimeStatus.Completed);
        Assert.Equal(200, (await host.Http.SendAsync("DELETE", link)).Status);
        Assert.Equal(404, (await host.Http.GetAsync(link)).Status);
        Assert.Equal(404, (await host.Http.SendAsync("DELETE", link)).Status);
        string code = link[(link.IndexOf("code=", StringComparison.Ordinal) + 5)..];
        Assert.Equal(404, (await host.PostAsync($"/instances/v+one/raiseEvent/E?code={code}", "1")).Status);
        Assert.Equal(400, (await host.PostAsync($"/instances/v+one/restart?code={code}")).Status);
        Assert.Equal(200, (await host.Http.GetAsync(ManagementHost.Base + "/instances/v%20one", ManagementHost.SystemKey)).Status);
    }

    [Fact]
    public async Task Without_required_keys_no_link_carries_the_system_key()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Answer started = await host.PostAsync("/orchestrators/Hello/a", "1");
        Assert.DoesNotContain(ManagementHost.SystemKey, started.Text + started.Headers["Location"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_lasts_thirty_days_unless_a_setting_says_otherwise()
    {
        FakeTimeProvider clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        LinkKeys keys = Keys(clock);
        string key = keys.CodeFor("pothole-2026-01-01")!;
        clock.Advance(TimeSpan.FromDays(29));
        Assert.True(keys.Opens(key, "pothole-2026-01-01"));
        clock.Advance(TimeSpan.FromDays(1));
        Assert.False(keys.Opens(key, "pothole-2026-01-01"));
    }

    [Fact]
    public void A_key_ends_with_its_lifetime_and_cannot_be_prolonged()
    {
        FakeTimeProvider clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        LinkKeys keys = Keys(clock, ("Durable:ScopedLinkLifetime", "01:00:00"));
        string key = keys.CodeFor("a")!;
        Assert.True(keys.Opens(key, "a"));
        Assert.False(keys.Opens(key, "A"));
        Assert.False(keys.Opens("i9" + key[2..], "a"));
        Assert.False(keys.Opens("i0" + key[key.IndexOf('.', StringComparison.Ordinal)..], "a"));

        clock.Advance(TimeSpan.FromMinutes(61));
        Assert.False(keys.Opens(key, "a"));
    }

    [Theory, InlineData(true, "system"), InlineData(false, null)]
    public void Without_scope_a_link_carries_the_system_key_where_keys_are_required(bool required, string? code) =>
        Assert.Equal(code, Keys(TimeProvider.System, required, ("Durable:ScopedLinks", "false")).CodeFor("a"));

    [Theory, InlineData("soon"), InlineData("00:00:00"), InlineData("-01:00:00"), InlineData("99999.00:00:00")]
    public void A_lifetime_out_of_range_stops_the_start(string lifetime) =>
        Assert.Throws<InvalidOperationException>(() => Keys(TimeProvider.System, ("Durable:ScopedLinkLifetime", lifetime)));

    private static LinkKeys Keys(TimeProvider clock, params (string Name, string Value)[] settings) =>
        Keys(clock, required: true, settings);

    private static LinkKeys Keys(TimeProvider clock, bool required, params (string Name, string Value)[] settings) =>
        new(
            new OneKey(required),
            new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Name, s => (string?)s.Value)).Build(),
            clock
        );

    private sealed class OneKey(bool required) : IWebhookAuthorization
    {
        public bool KeysRequired => required;

        public string? SystemKey => "system";

        public WebhookAccess Check(HttpContext http) => WebhookAccess.Unknown;
    }
}
