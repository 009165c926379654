using Durable.Host.Hosting;

namespace Durable.Tests.Host.Hosting;

/// <summary>One output, two hosts: what tells the program that a Functions host started it.</summary>
public sealed class FunctionsHostTests
{
    [Theory]
    [InlineData("--functions-uri", "http://127.0.0.1:5000/", "--functions-worker-id", "w")]
    [InlineData("--host", "127.0.0.1", "--port", "5000", "--functions-uri=http://127.0.0.1:5000/")]
    [InlineData("--Functions:Worker:HostEndpoint=http://127.0.0.1:5000/")]
    public void A_host_that_names_its_address_is_one(params string[] args) => Assert.True(FunctionsHost.Started(args));

    [Theory]
    [InlineData]
    [InlineData("--port", "7071", "--enableAuth")]
    [InlineData("--FUNCTIONS_WORKER_RUNTIME=dotnet-isolated")]
    public void Nothing_else_tells_of_a_host(params string[] args) => Assert.False(FunctionsHost.Started(args));
}
