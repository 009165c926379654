using System.Text.RegularExpressions;
using Durable.Tests.Scripts;

namespace Durable.Tests.Docs;

/// <summary>The bench's command line, as it is built beside the tests. Nothing is measured here.</summary>
public sealed partial class BenchTests
{
    [Fact]
    public async Task Every_option_is_in_its_document()
    {
        Ran help = await RunAsync("--help");
        string document = await File.ReadAllTextAsync(Path.Combine(Terminal.Root, "bench", "README.md"));

        string[] options = [.. Option().Matches(help.Output).Select(option => option.Groups[1].Value)];

        Assert.Contains("--dbos", options);
        Assert.All(options, option => Assert.Contains(option, document, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--nope", "'--nope'")]
    [InlineData("--spot --climate", "give one of them")]
    [InlineData("--cells 1000", "--cells goes with --climate or --national")]
    [InlineData("--climate --cells 1000,many", "'many'")]
    [InlineData("--national --cells 1000,2000", "one number of cells")]
    [InlineData("--returns --rows 0", "whole numbers from 1")]
    [InlineData("--spot --out no-such-folder/report.md", "folder that exists")]
    public async Task What_it_cannot_do_is_refused_before_it_measures(string arguments, string reason)
    {
        Ran refused = await RunAsync(arguments);

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(reason, refused.Error, StringComparison.Ordinal);
        Assert.Contains("--help", refused.Error, StringComparison.Ordinal);
        Assert.Empty(refused.Output);
    }

    private static Task<Ran> RunAsync(string arguments)
    {
        string configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        return Terminal.BashAsync($"dotnet bench/bin/{configuration}/net10.0/Durable.Bench.dll {arguments}");
    }

    [GeneratedRegex(@"^  (?:-\S+, )*(--[a-z]+)", RegexOptions.Multiline)]
    private static partial Regex Option();
}
