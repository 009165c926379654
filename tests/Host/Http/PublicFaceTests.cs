using System.Reflection;
using System.Text.Json;
using Durable.Host;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Npgsql;

namespace Durable.Tests.Host.Http;

/// <summary>The host as others meet it: over HTTP, with its engine on a real database.</summary>
public sealed class PublicFaceTests(PublicFaceTests.HostFixture host) : IClassFixture<PublicFaceTests.HostFixture>
{
    private const string Api = "/runtime/webhooks/durabletask";

    [Fact]
    public async Task A_page_of_instances_ends_by_its_bytes_and_the_pages_together_hold_everyone()
    {
        string big = new('x', 3 << 20);
        for (int i = 0; i < 4; i++)
            await host.RunAsync("Echo", $"page-{i}", JsonSerializer.Serialize(big));

        List<string> seen = [];
        List<long> sizes = [];
        string? token = null;
        do
        {
            (string[] ids, long bytes, token) = await host.ListAsync($"{Api}/instances?instanceIdPrefix=page-", token);
            seen.AddRange(ids);
            sizes.Add(bytes);
        } while (token is not null);

        Assert.Equal(["page-0", "page-1", "page-2", "page-3"], seen);
        Assert.All(sizes, bytes => Assert.InRange(bytes, 0, (4 << 20) + (6 << 20) + 10_000)); // the last instance of a page may go beyond
        Assert.Equal(4, sizes.Count);

        // Without inputs twice as many fit.
        (string[] first, _, _) = await host.ListAsync($"{Api}/instances?instanceIdPrefix=page-&showInput=false", null);
        Assert.Equal(["page-0", "page-1"], first);
    }

    [Theory]
    [InlineData("own", "half \\uD83D of a pair")]
    [InlineData("low", "\\uDE00 and NUL \\0")]
    [InlineData("activity", "activity: half \\uD83D")]
    public async Task An_error_text_that_cannot_be_stored_fails_its_instance_and_is_shown_as_far_as_it_can(string id, string text)
    {
        JsonElement status = await host.RunAsync("Throw", $"odd-{id}", JsonSerializer.Serialize(text));

        Assert.Equal("Failed", status.GetProperty("runtimeStatus").GetString());
        Assert.Contains("\uFFFD", status.GetProperty("output").GetString(), StringComparison.Ordinal);
    }

    [
        Theory,
        InlineData("own", "cannot open Host=h;Password=hunter2;User=u"),
        InlineData("activity", "activity: {\"password\":\"hunter2\"}")
    ]
    public async Task A_secret_in_an_error_reaches_neither_status_nor_history_nor_database(string id, string text)
    {
        await host.RunAsync(
            "Throw",
            $"secret-{id}",
            JsonSerializer.Serialize(text.Replace("hunter2", "h\\u0075nter2", StringComparison.Ordinal))
        );

        string shown = await host.Client.GetStringAsync(
            $"{Api}/instances/secret-{id}?showHistory=true&showHistoryOutput=true&showInput=false"
        );
        Assert.Contains("***", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", shown, StringComparison.Ordinal);
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(host.Connection);
        await using NpgsqlCommand look = database.CreateCommand(
            "SELECT count(*) FROM durablehub.instances i LEFT JOIN durablehub.history h USING (run_no) WHERE concat(i.output, i.failure, h.data, h.detail) LIKE '%hunter2%'"
        );
        Assert.Equal(0L, await look.ExecuteScalarAsync());
    }

    public sealed class HostFixture : IAsyncLifetime
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("durable-face-");
        private WebApplication app = null!;

        public HttpClient Client { get; private set; } = null!;

        public string Connection { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Connection = await PostgresServer.CreateDatabaseAsync();
            await File.WriteAllTextAsync(
                Path.Combine(folder.FullName, "host.json"),
                """{ "version": "2.0", "logging": { "logLevel": { "default": "Error" } }, "extensions": { "durableTask": { "hubName": "DurableHub" } } }"""
            );
            app = new EmbeddedHostBuilder(["--port", "0", $"--PostgresConnection={Connection}"], folder.FullName).Build(
                Assembly.Load("SampleApp")
            );
            await app.StartAsync();
            Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        }

        public async Task DisposeAsync()
        {
            Client.Dispose();
            await app.DisposeAsync();
            folder.Delete(recursive: true);
        }

        /// <summary>Starts an instance, waits for its end and gives its status.</summary>
        public async Task<JsonElement> RunAsync(string function, string id, string input)
        {
            using StringContent body = new(input, System.Text.Encoding.UTF8, "application/json");
            using HttpResponseMessage ended = await Client.PostAsync(
                $"{Api}/orchestrators/{function}/{id}?timeout=60&pollingInterval=1",
                body
            );
            Assert.Equal(200, (int)ended.StatusCode);
            return JsonSerializer.Deserialize<JsonElement>(await Client.GetStringAsync($"{Api}/instances/{id}"));
        }

        public async Task<(string[] Ids, long Bytes, string? Token)> ListAsync(string path, string? token)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, path);
            if (token is not null)
                request.Headers.Add("x-ms-continuation-token", token);
            using HttpResponseMessage answer = await Client.SendAsync(request);
            byte[] page = await answer.Content.ReadAsByteArrayAsync();
            string? next = answer.Headers.TryGetValues("x-ms-continuation-token", out IEnumerable<string>? values) ? values.Single() : null;
            return (
                [.. JsonSerializer.Deserialize<JsonElement>(page).EnumerateArray().Select(i => i.GetProperty("instanceId").GetString()!)],
                page.Length,
                next
            );
        }
    }
}
