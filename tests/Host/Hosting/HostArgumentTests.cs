using Durable.Host.Hosting;
using Durable.Operations;
using Microsoft.Extensions.Configuration;

namespace Durable.Tests.Host.Hosting;

public sealed class HostArgumentTests
{
    [Theory]
    [InlineData("", "", "http://127.0.0.1:7071")]
    [InlineData("--port 7100", "FUNCTIONS_PORT=7200", "http://127.0.0.1:7100")]
    [InlineData("--port=7100", "", "http://127.0.0.1:7100")]
    [InlineData("-p 0", "", "http://127.0.0.1:0")]
    [InlineData("--urls http://0.0.0.0:80", "ASPNETCORE_URLS=http://127.0.0.1:1", "http://0.0.0.0:80")]
    [InlineData("", "FUNCTIONS_PORT=7200;ASPNETCORE_URLS=http://*:80", "http://127.0.0.1:7200")]
    [InlineData("", "ASPNETCORE_URLS=http://*:80", "http://*:80")]
    public void Address_comes_from_the_command_line_then_from_the_environment(string args, string settings, string url)
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                settings
                    .Split(';', StringSplitOptions.RemoveEmptyEntries)
                    .Select(s => s.Split('=', 2))
                    .ToDictionary(s => s[0], s => (string?)s[1])
            )
            .Build();

        Assert.Equal(url, HostArguments.Read(args.Split(' ', StringSplitOptions.RemoveEmptyEntries), configuration).Url);
    }

    [Fact]
    public void Enable_auth_asks_for_keys() =>
        Assert.True(HostArguments.Read(["--enableAuth", "--port", "7071"], new ConfigurationBuilder().Build()).RequireKeys);

    [Theory, InlineData("70000"), InlineData("-1"), InlineData("http")]
    public void Invalid_port_is_refused_in_one_sentence(string port)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() =>
            HostArguments.Read(["--port", port], new ConfigurationBuilder().Build())
        );

        Assert.Contains($"--port is '{port}'", error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, StartErrors.Explain(error));
    }
}
