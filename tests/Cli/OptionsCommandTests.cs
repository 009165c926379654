namespace Durable.Tests.Cli;

public sealed class OptionsCommandTests
{
    private const string Calls = """
        {"spot": [{"name": "maxRemovedShare", "kind": "Number", "about": "Share that may vanish.", "default": null, "least": 0, "most": 1, "allowed": null}],
         "climate/hazard": [{"name": "window", "kind": "Choice", "about": "Sample.", "default": "rolling-30", "least": null, "most": null, "allowed": ["rolling-30", "full-series"]},
                            {"name": "force", "kind": "Flag", "about": "Again.", "default": false, "least": null, "most": null, "allowed": null}]}
        """;

    [Fact]
    public async Task Limits_and_defaults_are_the_hosts()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/options", _ => new Reply(200, Calls));

        CliCall all = await CliCall.RunAsync(host, "options", "--wide");
        Assert.Matches(@"spot +maxRemovedShare +0 to 1 +Share that may vanish\.", all.Out);
        Assert.Matches(@"climate/hazard +window +rolling-30, full-series +rolling-30 +Sample\.", all.Out);
        Assert.Matches(@"climate/hazard +force +flag +false +Again\.", all.Out);

        Assert.DoesNotContain("window", (await CliCall.RunAsync(host, "options", "spot")).Out, StringComparison.Ordinal);
        CliCall unknown = await CliCall.RunAsync(host, "options", "stop");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("there are spot, climate/hazard", unknown.Error, StringComparison.Ordinal);
    }
}
