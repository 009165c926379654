using System.Net;
using System.Net.Sockets;

namespace Durable.Tests.Cli;

public sealed class ConnectionTests
{
    [Fact]
    public async Task Nobody_there_is_code_3_and_names_the_address()
    {
        int port;
        using (TcpListener listener = new(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        CliCall call = await CliCall.RunAsync(["health", "--url", $"http://127.0.0.1:{port}"]);

        Assert.Equal(3, call.ExitCode);
        Assert.Contains($"http://127.0.0.1:{port}/", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, 0)]
    [InlineData(503, 3)]
    public async Task Health_is_what_the_host_says_of_itself(int status, int exitCode)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /readyz", status, """{"state":"x","parts":[{"name":"engine","ready":false,"reason":"no database"}]}""");

        CliCall call = await CliCall.RunAsync(host, "health");

        Assert.Equal(exitCode, call.ExitCode);
        Assert.Contains("no database", call.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_travels_in_a_header_and_never_in_the_address()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /runtime/webhooks/durabletask/instances", 200, "[]");

        await CliCall.RunAsync(host, "instances", "list", "--key", "s3cret");

        Asked asked = Assert.Single(host.Requests);
        Assert.Equal("s3cret", asked.Headers["x-functions-key"]);
        Assert.DoesNotContain("s3cret", asked.Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_host_that_wants_a_key_says_where_to_give_it(int status)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/climate/statistics", status, string.Empty);

        CliCall call = await CliCall.RunAsync(host, "climate", "status");

        Assert.Equal(2, call.ExitCode);
        Assert.Contains("DURABLE_KEY", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--bogus")]
    [InlineData("nonsense")]
    public async Task What_is_not_known_is_named(string argument)
    {
        CliCall call = await CliCall.RunAsync([argument]);

        Assert.Equal(2, call.ExitCode);
        Assert.Contains($"'{argument}'", call.Error, StringComparison.Ordinal);
    }
}
