using System.Text.Json;
using Durable.Host.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Durable.Tests.Host.Http;

public sealed class AdminApiTests : IAsyncLifetime
{
    private TestHttpHost host = null!;

    public async Task InitializeAsync() =>
        this.host = await TestHttpHost.StartAsync(
            typeof(HttpShapes),
            new()
            {
                ["Durable:RequireKeys"] = "true",
                ["Keys:master"] = "m",
                ["Keys:host:default"] = "h",
                ["Keys:system:durabletask_extension"] = "s",
            }
        );

    public async Task DisposeAsync() => await this.host.DisposeAsync();

    [Fact]
    public async Task Timer_function_is_described_with_its_schedule()
    {
        JsonElement function = await ReadAsync("/admin/functions/tick");

        Assert.Equal("Tick", function.GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, function.GetProperty("invoke_url_template").ValueKind);
        Assert.Equal(
            """[{"name":"timer","type":"timerTrigger","direction":"In","schedule":"0 0 3 1 1 *"}]""",
            function.GetProperty("config").GetProperty("bindings").GetRawText()
        );
    }

    [Fact]
    public async Task Http_function_is_described_with_its_route()
    {
        JsonElement function = await ReadAsync("/admin/functions/RouteInt");

        Assert.Equal(
            $"{this.host.Client.BaseAddress}api/route/{{id:int}}/{{tail?}}",
            function.GetProperty("invoke_url_template").GetString()
        );
        Assert.Equal(
            """[{"name":"req","type":"httpTrigger","direction":"In","authLevel":"Anonymous","methods":["get"],"route":"route/{id:int}/{tail?}"},{"name":"$return","type":"http","direction":"Out"}]""",
            function.GetProperty("config").GetProperty("bindings").GetRawText()
        );
    }

    [Fact]
    public async Task Every_function_is_listed_by_name()
    {
        string[] names = [.. (await ReadAsync("/admin/functions")).EnumerateArray().Select(f => f.GetProperty("name").GetString()!)];

        Assert.Contains("Note", names);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    [Theory]
    [InlineData("GET", "/admin/functions/Tick", null, null, 401)]
    [InlineData("GET", "/admin/functions/Tick", null, "wrong", 401)]
    [InlineData("GET", "/admin/functions/Tick", null, "h", 403)]
    [InlineData("GET", "/admin/functions/Tick", null, "s", 403)]
    [InlineData("GET", "/admin/functions/NoSuch", null, "m", 404)]
    [InlineData("POST", "/admin/functions/Tick", """{"input":"x"}""", null, 401)]
    [InlineData("POST", "/admin/functions/NoSuch", """{"input":""}""", "m", 404)]
    [InlineData("POST", "/admin/functions/Tick", "", "m", 400)]
    [InlineData("POST", "/admin/functions/Tick", "{bad", "m", 400)]
    [InlineData("POST", "/admin/functions/Tick", "[]", "m", 400)]
    [InlineData("POST", "/admin/functions/Crash", "{}", "m", 400)]
    [InlineData("GET", "/admin/host/ping", null, null, 200)]
    [InlineData("GET", "/admin/host/status", null, "h", 403)]
    public async Task Refusals_are_empty(string verb, string path, string? json, string? key, int status)
    {
        Answer answer = await this.host.SendAsync(verb, path, json, key);

        answer.Is(status);
        Assert.Equal(status == 401 ? "Bearer" : null, answer.Headers.GetValueOrDefault("WWW-Authenticate"));
    }

    [Theory]
    [InlineData("tick", "{}", "False True timer")]
    [InlineData("Tick", """{"input":""}""", "False True timer")]
    [InlineData("Note", """{"input":"by hand"}""", "by hand 38")]
    [InlineData("Note", """{"input":"\"quoted\""}""", "quoted 38")]
    public async Task Function_can_be_called_by_hand(string name, string json, string expected)
    {
        (await this.host.SendAsync("POST", $"/admin/functions/{name}", json, "m")).Is(202);

        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(10));
        string seen;
        do
        {
            seen = await HttpShapes.Ticks.Reader.ReadAsync(patience.Token); // other tests of this class may have left a line
        } while (seen != expected);
    }

    [Fact]
    public async Task Host_that_is_not_running_serves_503_and_says_why_to_the_master_key_alone()
    {
        HostState state = this.host.Services.GetRequiredService<HostState>();
        Assert.Equal("Running", (await ReadAsync("/admin/host/status")).GetProperty("state").GetString());

        state.Fail("engine", "database is down");

        (await this.host.GetAsync("/api/level/anonymous")).Is(503, "Function host is not running.", "text/plain; charset=utf-8");
        JsonElement status = await ReadAsync("/admin/host/status");
        Assert.Equal("Error", status.GetProperty("state").GetString());
        Assert.Equal("""["database is down"]""", status.GetProperty("errors").GetRawText());
        Assert.Equal(503, (await this.host.GetAsync("/readyz")).Status);
        Assert.Equal(200, (await this.host.GetAsync("/healthz")).Status);

        state.Recover("engine");
        Assert.Equal(200, (await this.host.GetAsync("/api/level/anonymous")).Status);
        Assert.Equal(200, (await this.host.GetAsync("/readyz")).Status);
    }

    [Theory]
    [InlineData("ok", 200, """{"ready":true,"state":"Running","parts":[{"name":"part","ready":true,"reason":null}]}""")]
    [InlineData("reason", 503, """{"ready":false,"state":"Running","parts":[{"name":"part","ready":false,"reason":"catching up"}]}""")]
    [InlineData("throw", 503, """{"ready":false,"state":"Running","parts":[{"name":"part","ready":false,"reason":"TimeoutException"}]}""")]
    public async Task Readiness_asks_every_part(string behaviour, int status, string json)
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(
            typeof(HttpShapes),
            services: s => s.AddHealthChecks().AddCheck("part", new Part(behaviour))
        );

        (await host.GetAsync("/readyz")).Is(status, json, "application/json; charset=utf-8");
    }

    private async Task<JsonElement> ReadAsync(string path)
    {
        Answer answer = await this.host.GetAsync(path, "m");
        Assert.Equal(200, answer.Status);
        return JsonSerializer.Deserialize<JsonElement>(answer.Text);
    }

    private sealed class Part(string behaviour) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            behaviour switch
            {
                "ok" => Task.FromResult(HealthCheckResult.Healthy()),
                "reason" => Task.FromResult(HealthCheckResult.Unhealthy("catching up")),
                _ => throw new TimeoutException("Password=secret"),
            };
    }
}
