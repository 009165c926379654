using System.Reflection;
using Durable.Host;
using Microsoft.AspNetCore.Builder;

namespace Durable.Tests.Host.Hosting;

public sealed class EmbeddedHostTests : IDisposable
{
    private const string NoDatabase = "Host=127.0.0.1;Port=1;Username=nobody;Timeout=1";
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("durable-host-");

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData("""{ "version": "1.0" }""", "'1.0' is an invalid value for host.json 'version' property")]
    [InlineData("""{ "version": "2.0", """, "Unable to parse host configuration file")]
    [InlineData(
        """{ "version": "2.0", "extensions": { "durableTask": { "hubName": "my-hub" } } }""",
        "Task hub name 'my-hub' should contain only alphanumeric characters"
    )]
    public async Task Host_json_in_error_answers_503_and_says_why(string hostJson, string reason)
    {
        await using WebApplication app = await StartAsync(hostJson);
        using HttpClient client = new() { BaseAddress = new Uri(app.Urls.Single()) };

        using HttpResponseMessage function = await client.GetAsync("/api/anything");
        Assert.Equal((503, "Function host is not running."), ((int)function.StatusCode, await function.Content.ReadAsStringAsync()));
        using HttpResponseMessage webhook = await client.GetAsync("/runtime/webhooks/durabletask/instances");
        Assert.Equal(503, (int)webhook.StatusCode);
        string status = await client.GetStringAsync("/admin/host/status");
        Assert.Contains("\"state\":\"Error\"", status, StringComparison.Ordinal);
        Assert.Contains(reason, System.Text.RegularExpressions.Regex.Unescape(status), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_away_at_the_start_answers_503_and_is_not_ready()
    {
        await using WebApplication app = await StartAsync("""{ "version": "2.0", "logging": { "logLevel": { "default": "None" } } }""");
        using HttpClient client = new() { BaseAddress = new Uri(app.Urls.Single()) };

        Assert.Equal(503, (int)(await client.GetAsync("/api/anything")).StatusCode);
        Assert.Equal(503, (int)(await client.GetAsync("/readyz")).StatusCode);
        Assert.Equal(200, (int)(await client.GetAsync("/healthz")).StatusCode);
        Assert.Contains("has not reached its database", await client.GetStringAsync("/admin/host/status"), StringComparison.Ordinal);
    }

    private async Task<WebApplication> StartAsync(string hostJson)
    {
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "host.json"), hostJson);
        EmbeddedHostBuilder host = new(["--port", "0", "--no-admin-key", $"--PostgresConnection={NoDatabase}"], folder.FullName);
        WebApplication app = host.Build(Assembly.Load("SampleApp"));
        await app.StartAsync();
        return app;
    }
}
