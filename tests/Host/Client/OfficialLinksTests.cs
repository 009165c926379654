using System.Text.Json;
using Durable.Host.Client;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Durable.Tests.Host.Management;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Host.Client;

/// <summary>What the official extension answers with in an app that knows nothing of this host.</summary>
public sealed class OfficialLinksTests
{
    private const string Path = "/runtime/webhooks/durabletask/instances/a";

    [Theory]
    [InlineData(true, false, "?code=system-key"), InlineData(true, true, ""), InlineData(false, false, "")]
    public async Task Links_carry_the_system_key_where_keys_are_required_and_links_are_not_scoped(bool keys, bool scoped, string query)
    {
        await using TestHttpHost host = await StartAsync(keys, scoped);
        Answer started = await host.GetAsync("/api/begin", ManagementHost.FunctionKey);
        Assert.Equal(
            (202, $"{host.Client.BaseAddress!.GetLeftPart(UriPartial.Authority)}{Path}{query}"),
            (started.Status, started.Headers["Location"])
        );
    }

    [Fact]
    public async Task Links_made_without_a_request_lead_to_the_configured_name()
    {
        await using TestHttpHost host = await StartAsync(keys: true, scoped: false, ("WEBSITE_HOSTNAME", "pipelines.example"));
        Answer answer = await host.GetAsync("/api/links", ManagementHost.FunctionKey);
        Assert.Equal(
            $"https://pipelines.example{Path}?code=system-key",
            JsonDocument.Parse(answer.Text).RootElement.GetProperty("StatusQueryGetUri").GetString()
        );
    }

    private static Task<TestHttpHost> StartAsync(bool keys, bool scoped, params (string Name, string Value)[] more)
    {
        Dictionary<string, string?> settings = new()
        {
            ["Durable:RequireKeys"] = keys.ToString(),
            ["Durable:ScopedLinks"] = scoped.ToString(),
            ["Keys:master"] = ManagementHost.MasterKey,
            ["Keys:host:default"] = ManagementHost.FunctionKey,
            ["Keys:system:durabletask_extension"] = ManagementHost.SystemKey,
        };
        foreach ((string name, string value) in more)
            settings[name] = value;
        return TestHttpHost.StartAsync(
            typeof(App),
            settings,
            services: services => services.AddSingleton<ITaskHub>(new FakeTaskHub()).AddDurableClient()
        );
    }

    public static class App
    {
        [Function("Begin")]
        public static Task<HttpResponseData> BeginAsync(
            [HttpTrigger(AuthorizationLevel.Function, "get", Route = "begin")] HttpRequestData request,
            [DurableClient] DurableTaskClient client,
            CancellationToken cancellationToken
        ) => client.CreateCheckStatusResponseAsync(request, "a", cancellationToken);

        [Function("Links")]
        public static async Task<HttpResponseData> LinksAsync(
            [HttpTrigger(AuthorizationLevel.Function, "get", Route = "links")] HttpRequestData request,
            [DurableClient] DurableTaskClient client
        )
        {
            HttpResponseData response = request.CreateResponse();
            await response.WriteAsJsonAsync(client.CreateHttpManagementPayload("a"));
            return response;
        }
    }
}
