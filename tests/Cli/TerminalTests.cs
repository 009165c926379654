using System.Text.RegularExpressions;
using Durable.Tests.Scripts;

namespace Durable.Tests.Cli;

/// <summary>What the command line draws on a terminal.</summary>
public sealed partial class TerminalTests
{
    private const string Instances = "/runtime/webhooks/durabletask/instances";
    private static readonly string Cli = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "Durable.Cli.dll")}'";

    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public async Task A_table_fits_the_terminal(int columns)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        string many = string.Join(
            ',',
            Enumerable
                .Range(0, 3)
                .Select(i =>
                    $$"""{"name":"ProbabilityBatch","instanceId":"probability-1d90f5b43f80-{{i}}","runtimeStatus":"Completed","createdTime":"2026-01-02T03:04:05Z","lastUpdatedTime":"2026-01-02T03:04:06Z"}"""
                )
        );
        host.On($"GET {Instances}", 200, $"[{many}]");

        Ran ran = await Terminal.OnTerminalAsync($"{Cli} instances list --url {host.Url}", columns);

        Assert.Equal(0, ran.ExitCode);
        Assert.Contains("probability-1d90f5b43f80-2", ran.Output, StringComparison.Ordinal);
        Assert.Contains('╭', ran.Output);
        Assert.All(Escapes().Replace(ran.Output, string.Empty).Split('\n'), line => Assert.InRange(line.TrimEnd('\r').Length, 0, columns));
    }

    [Fact]
    public async Task NO_COLOR_means_none()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        int polls = 0;
        host.On($"GET {Instances}", 200, """[{"name":"Wash","instanceId":"a-1","runtimeStatus":"Running"}]""")
            .On(
                $"GET {Instances}/a-1",
                _ =>
                    ++polls < 3
                        ? new Reply(202, """{"instanceId":"a-1","runtimeStatus":"Running","customStatus":{"total":4,"done":1}}""")
                        : new Reply(200, """{"instanceId":"a-1","runtimeStatus":"Completed","output":{}}""")
            );
        string both = $"{Cli} instances list --url {host.Url}; {Cli} instances wait a-1 --url {host.Url}";

        Ran colours = await Terminal.OnTerminalAsync(both, 100);
        polls = 0;
        Ran none = await Terminal.OnTerminalAsync(both, 100, new Dictionary<string, string> { ["NO_COLOR"] = "1" });

        Assert.Matches(Colour(), colours.Output);
        Assert.DoesNotMatch(Colour(), none.Output);
        Assert.Contains("a-1", none.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("durable", "inst", "instances")]
    [InlineData("durable", "climate ru", "run runs")]
    [InlineData("./run", "cl", "climate cli")]
    [InlineData("./run", "cli instances sus", "suspend")]
    public async Task Bash_completes_what_is_typed(string program, string typed, string expected)
    {
        string[] words = typed.Split(' ');
        Ran ran = await Terminal.BashAsync(
            $$"""
            durable() { {{Cli}} "$@"; }
            ./run() { shift; durable "$@"; } # ./run cli WORDS
            source <(durable completion bash)
            COMP_WORDS=({{program}} {{typed}}) COMP_CWORD={{words.Length}}
            _durable {{program}} {{words[^1]}}
            echo "${COMPREPLY[*]}"
            """
        );

        Assert.Equal(expected, ran.Output.Trim());
    }

    [GeneratedRegex("\u001b\\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escapes();

    [GeneratedRegex("\u001b\\[[0-9;]*[1-9][0-9;]*m")]
    private static partial Regex Colour();
}
