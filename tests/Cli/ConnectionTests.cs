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

    [Theory]
    [InlineData("-o yaml", "--output is 'yaml'; allowed are table, json.")]
    [InlineData("--top many", "--top is 'many', not a whole number.")]
    [InlineData("--top 99999999999999999999", "--top is '99999999999999999999', not a whole number.")]
    [InlineData("--status lost", "--status has 'lost'; allowed are Pending,")]
    [InlineData("--created-from yesterday", "--created-from is 'yesterday', not a time such as 2026-01-31")]
    [InlineData("--url ftp://x", "--url is 'ftp://x', not an address such as http://127.0.0.1:7071.")]
    public async Task A_bad_value_is_named_with_what_is_allowed(string option, string message)
    {
        CliCall call = await CliCall.RunAsync(["instances", "list", .. option.Split(' ')]);

        Assert.Equal(2, call.ExitCode);
        Assert.StartsWith(message, call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, "", "The host does not know that.")]
    [InlineData(409, """{"error":"2026-02-12 is done."}""", "2026-02-12 is done.")]
    [InlineData(412, "", "The instance's state does not allow that.")]
    [InlineData(
        500,
        """{"Message":"Something went wrong while processing your request","ExceptionMessage":"Database is away."}""",
        "Database is away."
    )]
    [InlineData(500, "", "The host failed with HTTP 500 and gave no reason; its log has it.")]
    [InlineData(503, "", "The host is not ready. 'durable health' says what is missing.")]
    public async Task A_refusal_is_a_sentence(int status, string body, string sentence)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/climate/statistics", status, body);

        CliCall call = await CliCall.RunAsync(host, "climate", "status");

        Assert.StartsWith(sentence, call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("/api", call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('{', call.Error);
    }

    [Fact]
    public async Task Help_and_hints_use_the_name_people_call_this_by()
    {
        CliCall help = await CliCall.RunAsync(["instances", "list", "--help"]);
        CliCall group = await CliCall.RunAsync(["instances"]);
        CliCall version = await CliCall.RunAsync(["--version"]);

        Assert.Contains($"  {Durable.Cli.Output.Screen.Command} instances list [options]", help.Out, StringComparison.Ordinal);
        Assert.Equal(0, help.ExitCode);
        Assert.Equal(2, group.ExitCode);
        Assert.Contains("raise-event", group.Error, StringComparison.Ordinal);
        Assert.Matches(@"^durable \d+\.\d+\.\d+", version.Out);
    }

    [Theory]
    [InlineData("inst", "instances")]
    [InlineData("instances|sho", "show")]
    [InlineData("instances|list|-o|", "json table")]
    [InlineData("instances|list|--cre", "--created-from --created-to")]
    [InlineData("climate|run|--batch|", "annual hazard probability")]
    [InlineData("completion|", "bash fish zsh")]
    public async Task What_may_follow_is_completed(string words, string expected)
    {
        CliCall call = await CliCall.RunAsync(["complete", "--", .. words.Split('|')]);

        Assert.Equal(expected.Split(' '), call.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
