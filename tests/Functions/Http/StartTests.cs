using System.Net;
using System.Text.Json;
using Durable.Functions.Climate;
using Durable.Functions.Operations;
using Durable.Host.Client;
using Durable.Host.Store;
using Durable.Operations.Leases;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Functions.Http;

/// <summary>What happens between the look of a start or an event and the act itself is an answer, never a fault.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task A_run_that_another_start_began_since_the_look_is_a_conflict_with_its_links()
    {
        FakeTaskHub hub = new();
        await using TestHttpHost host = await HostAsync(typeof(ClimateSampleHttp), hub);
        hub.Meanwhile = id => hub.Put(id);

        Answer answer = await host.SendAsync("POST", "/api/climate/sample?cells=5&seed=2", "");

        Assert.Equal(409, answer.Status);
        Assert.Equal("climate-sample", JsonSerializer.Deserialize<JsonElement>(answer.Text).GetProperty("Id").GetString());
    }

    [Theory]
    [InlineData("running", OrchestrationRuntimeStatus.Completed, 410), InlineData("running", OrchestrationRuntimeStatus.Failed, 410)]
    [InlineData("running", null, 202), InlineData("done", null, 410), InlineData("nobody", null, 404)]
    public async Task An_event_to_a_run_that_ends_meanwhile_is_gone(string run, OrchestrationRuntimeStatus? meanwhile, int status)
    {
        FakeTaskHub hub = new();
        hub.Put("running");
        hub.Put("done", OrchestrationRuntimeStatus.Completed);
        await using TestHttpHost host = await HostAsync(typeof(LeasesHttp), hub);
        if (meanwhile is { } end)
            hub.Meanwhile = id => hub.Put(id, end);

        Assert.Equal(status, (await host.SendAsync("POST", $"/api/operations/runs/{run}/cancel?reason=x", "")).Status);
    }

    [Theory]
    [InlineData("", """{"cells":1,"CELLS":2}""", "cells", "twice")]
    [InlineData("?cells=1&cells=2", "", "cells", "'1,2'")]
    [InlineData("?cells=5", """{"seed":"1\u0000"}""", "seed", "cannot be stored")]
    [InlineData("", """{"seed":"\ud83d"}""", "body", "surrogate")]
    [InlineData("?cell=5", "", "cell", "allowed: cells, seed, startYear, endYear")]
    [InlineData("", """{"cells":[1]}""", "cells", "1 to 451351")]
    [InlineData("", """{"startYear":2050,"endYear":2049}""", "startYear", "lies after endYear 2049")]
    public async Task A_start_that_is_not_understood_starts_nothing(string query, string body, string field, string reason)
    {
        FakeTaskHub hub = new();
        await using TestHttpHost host = await HostAsync(typeof(ClimateSampleHttp), hub);

        Answer answer = await host.SendAsync("POST", "/api/climate/sample" + query, body);

        Assert.Equal(400, answer.Status);
        Assert.Contains(
            reason,
            JsonSerializer.Deserialize<JsonElement>(answer.Text).GetProperty("fields").GetProperty(field).GetString(),
            StringComparison.Ordinal
        );
        Assert.Empty(hub.Starts);
    }

    [Fact]
    public async Task Options_of_more_than_64_KiB_are_refused_with_the_number()
    {
        await using TestHttpHost host = await HostAsync(typeof(ClimateSampleHttp), new FakeTaskHub());

        Answer answer = await host.SendAsync("POST", "/api/climate/sample", new string(' ', (64 << 10) + 1));

        Assert.Equal(400, answer.Status);
        Assert.Contains("65536 bytes", answer.Text, StringComparison.Ordinal);
    }

    [
        Theory,
        InlineData("cluster=%00", "cluster"),
        InlineData("cluster=%1F", "cluster"),
        InlineData("before=-1", "before"),
        InlineData("clusters=x", "clusters")
    ]
    public async Task A_list_that_is_not_understood_is_refused_by_field(string query, string field)
    {
        await using TestHttpHost host = await HostAsync(typeof(LeasesHttp), new FakeTaskHub());

        Answer answer = await host.GetAsync("/api/operations/leases?" + query);

        Assert.Equal(400, answer.Status);
        Assert.True(JsonSerializer.Deserialize<JsonElement>(answer.Text).GetProperty("fields").TryGetProperty(field, out _), answer.Text);
    }

    [Fact]
    public async Task Limits_are_shown_as_they_are_held()
    {
        await using TestHttpHost host = await HostAsync(typeof(OptionsHttp), new FakeTaskHub());

        JsonElement options = JsonSerializer.Deserialize<JsonElement>((await host.GetAsync("/api/options")).Text);

        JsonElement workers = options
            .GetProperty("climate/hazard")
            .EnumerateArray()
            .Single(field => field.GetProperty("name").GetString() == "workers");
        Assert.Equal(
            ("Whole", 4, 1, 64),
            (
                workers.GetProperty("kind").GetString(),
                workers.GetProperty("default").GetInt32(),
                workers.GetProperty("least").GetInt32(),
                workers.GetProperty("most").GetInt32()
            )
        );
        Assert.Equal(
            "from,to,dryRun,plan",
            string.Join(',', options.GetProperty("spot/backfill").EnumerateArray().Select(field => field.GetProperty("name").GetString()))
        );
        foreach (
            string call in new[] { "pothole", "spot", "spot/market", "returns", "returns/rollback", "benchmark", "benchmark/comparison" }
        )
            Assert.NotEmpty(options.GetProperty(call).EnumerateArray());
    }

    private static Task<TestHttpHost> HostAsync(Type functions, FakeTaskHub hub) =>
        TestHttpHost.StartAsync(
            functions,
            services: services =>
                services
                    .AddSingleton<ITaskHub>(hub)
                    .AddDurableClient()
                    .AddSingleton(new LeaseReader(NpgsqlDataSource.Create("Host=127.0.0.1")))
        );
}

/// <summary>Many starts of the same thing at once, at the app itself.</summary>
public sealed class ConcurrentStartTests
{
    private const int Starts = 50;
    private const string Years = """{"startYear": 2049, "endYear": 2051}""";

    [Fact]
    public async Task Of_many_starts_at_once_one_runs_and_the_others_are_shown_it()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await StartOnceAsync(app, "climate.location_grid", "/api/climate/sample", """{"cells": 10, "startYear": 2049, "endYear": 2051}""");
        await StartOnceAsync(app, "operations.runs", "/api/climate/hazard", Years);
    }

    /// <param name="held">A table that the run writes to first: held, so that it does not end before all starts are in.</param>
    private static async Task StartOnceAsync(AppProcess app, string held, string path, string body)
    {
        await using NpgsqlConnection connection = new(app.Connection);
        await connection.OpenAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        await using (NpgsqlCommand hold = new($"LOCK TABLE {held} IN EXCLUSIVE MODE", connection))
            await hold.ExecuteNonQueryAsync();

        (HttpStatusCode Status, JsonElement Body)[] answers = await Task.WhenAll(
            Enumerable.Range(0, Starts).Select(_ => app.PostAsync(path, body))
        );
        await transaction.RollbackAsync();

        Assert.Equal(
            (1, Starts - 1),
            (answers.Count(a => a.Status == HttpStatusCode.Accepted), answers.Count(a => a.Status == HttpStatusCode.Conflict))
        );
        string id = Assert.Single(answers.Select(a => a.Body.GetProperty("Id").GetString()!).Distinct());
        Assert.Equal("Completed", (await app.WaitAsync(id)).GetProperty("runtimeStatus").GetString());
    }
}
