using Durable.Host.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Host.Http;

public sealed class HostKeyTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("durable-keys-");

    public void Dispose() => folder.Delete(recursive: true);

    private static Dictionary<string, string?> Settings =>
        new()
        {
            ["Durable:RequireKeys"] = "true",
            ["Keys:master"] = "the-master",
            ["Keys:host:default"] = "the-host",
            ["Keys:host:ci"] = "the-ci",
            ["Keys:function:LevelFunction"] = "the-function",
            ["Keys:function:Crash:team"] = "another-function",
            ["Keys:system:durabletask_extension"] = "the-system",
        };

    [Theory]
    [InlineData("anonymous", null, 200)]
    [InlineData("anonymous", "wrong", 200)]
    [InlineData("function", null, 401)]
    [InlineData("function", "wrong", 401)]
    [InlineData("function", "the-function", 200)]
    [InlineData("function", "another-function", 401)]
    [InlineData("function", "the-host", 200)]
    [InlineData("function", "the-ci", 200)]
    [InlineData("function", "the-master", 200)]
    [InlineData("function", "the-system", 401)]
    [InlineData("admin", null, 401)]
    [InlineData("admin", "the-function", 401)]
    [InlineData("admin", "the-host", 401)]
    [InlineData("admin", "the-system", 401)]
    [InlineData("admin", "the-master", 200)]
    public async Task Level_of_a_function_asks_for_its_key_in_header_or_query(string level, string? key, int status)
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(typeof(HttpShapes), Settings);

        Answer byHeader = await host.GetAsync($"/api/level/{level}", key);
        Answer byQuery = await host.GetAsync($"/api/level/{level}?code={key}");

        Assert.All([byHeader, byQuery], a => a.Is(status, status == 200 ? level : "", status == 200 ? "text/plain; charset=utf-8" : null));
        Assert.DoesNotContain("WWW-Authenticate", byHeader.Headers.Keys);
    }

    [Fact]
    public async Task Loopback_asks_for_no_key_but_for_the_admin_api_and_has_its_keys_from_the_start()
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(typeof(HttpShapes));
        KeyFile keys = KeyFile.Open(host.KeyFile);

        Assert.Equal(200, (await host.GetAsync("/api/level/admin")).Status);
        Assert.Equal(401, (await host.GetAsync("/admin/functions")).Status);
        Assert.Equal(401, (await host.SendAsync("POST", "/admin/functions/Note", """{"input":"x"}""")).Status);
        Assert.Equal(403, (await host.GetAsync("/admin/functions", keys.System)).Status);
        Assert.Equal(200, (await host.GetAsync("/admin/functions", keys.Master)).Status);
    }

    [Fact]
    public async Task The_admin_api_is_opened_by_a_setting_on_loopback_alone()
    {
        await using TestHttpHost open = await TestHttpHost.StartAsync(typeof(HttpShapes), new() { ["Durable:NoAdminKey"] = "true" });
        await using TestHttpHost keyed = await TestHttpHost.StartAsync(
            typeof(HttpShapes),
            new() { ["Durable:NoAdminKey"] = "true", ["Durable:RequireKeys"] = "true" }
        );

        Assert.Equal(200, (await open.GetAsync("/admin/functions")).Status);
        Assert.Equal(401, (await keyed.GetAsync("/admin/functions")).Status);
    }

    [Fact]
    public void A_key_file_that_others_can_read_is_closed_to_them()
    {
        if (OperatingSystem.IsWindows())
            return;
        string file = Path.Combine(folder.FullName, "new", "keys.json");
        KeyFile keys = KeyFile.Open(file);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        Assert.Equal(keys, KeyFile.Open(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(file)!)
        );
    }

    [Fact]
    public async Task Another_address_asks_for_keys_and_generates_them_for_the_owner_only()
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(typeof(HttpShapes), url: "http://0.0.0.0:0");
        using HttpClient client = new() { BaseAddress = new UriBuilder(host.Client.BaseAddress!) { Host = "127.0.0.1" }.Uri };

        Assert.Equal(401, (int)(await client.GetAsync("/api/level/admin")).StatusCode);

        HostKeys keys = host.Services.GetRequiredService<HostKeys>();
        Assert.Equal(200, (int)(await client.GetAsync($"/api/level/admin?code={keys.Master}")).StatusCode);
        Assert.Equal(200, (int)(await client.GetAsync($"/api/level/function?code={keys.HostDefault}")).StatusCode);
        Assert.Equal(3, new HashSet<string> { keys.Master, keys.HostDefault, keys.DurableSystem }.Count);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(host.KeyFile));
        Assert.DoesNotContain(host.Log.Lines, l => l.Contains(keys.Master, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Generated_keys_survive_a_restart()
    {
        string file = Path.Combine(folder.FullName, ".local", "keys.json");
        KeyFile[] opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => KeyFile.Open(file))));

        Assert.Single(opened.Distinct());
        Assert.Equal(opened[0], KeyFile.Open(file));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(file)!));
    }

    [Fact]
    public void Damaged_key_file_says_what_to_do_and_not_what_is_in_it()
    {
        string file = Path.Combine(folder.FullName, "keys.json");
        File.WriteAllText(file, """{"master":"half-a-key" """);

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => KeyFile.Open(file));

        Assert.Contains("delete it", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("half-a-key", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Origin", "https://evil.example", 403)]
    [InlineData("Origin", "null", 403)]
    [InlineData("Origin", "http://localhost:3000", 403)]
    [InlineData("Origin", "http://127.0.0.1:1", 403)]
    [InlineData("Origin", "https://{own}", 403)]
    [InlineData("Origin", "http://me@{own}", 403)]
    [InlineData("Origin", "http://{own}", 200)]
    [InlineData("Host", "rebound.example", 403)]
    [InlineData("Host", "localhost:7071", 200)]
    public async Task Without_keys_only_this_machine_is_served(string header, string value, int status)
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(typeof(HttpShapes), new() { ["Durable:NoAdminKey"] = "true" });
        value = value.Replace("{own}", host.Client.BaseAddress!.Authority, StringComparison.Ordinal);

        Assert.Equal(status, (await host.SendAsync("GET", "/api/level/function", null, null, (header, value))).Status);
        Assert.Equal(status, (await host.SendAsync("GET", "/admin/functions", null, null, (header, value))).Status);
    }

    [Theory]
    [InlineData("evil.example", null, "{own}")]
    [InlineData("evil.example:7071", "api.example;other.example", "api.example")]
    [InlineData("other.example", "api.example; other.example", "other.example")]
    [InlineData("127.0.0.2:1", null, "127.0.0.2:1")]
    public async Task Links_with_keys_name_the_connected_or_a_configured_host(string asked, string? configured, string named)
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(
            typeof(HttpShapes),
            new(Settings) { ["Durable:PublicHosts"] = configured }
        );
        named = named.Replace("{own}", host.Client.BaseAddress!.Authority, StringComparison.Ordinal);

        Answer answer = await host.SendAsync(
            "GET",
            "/admin/functions/Tick",
            null,
            "the-master",
            ("Host", asked),
            ("X-Forwarded-Host", "evil.example")
        );

        Assert.Contains($"\"href\":\"http://{named}/admin/functions/Tick\"", answer.Text, StringComparison.Ordinal);
    }
}
