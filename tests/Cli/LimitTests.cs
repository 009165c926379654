using System.CommandLine;
using System.Text.RegularExpressions;
using Durable.Cli;
using Durable.Cli.Output;
using Durable.Functions.Operations;
using Durable.Operations.Fields;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Cli;

/// <summary>Limits are stated once, in the tables that the host reads requests by: the command line and ./run hold no copy.</summary>
public sealed partial class LimitTests
{
    private static readonly Option[] Options =
    [
        .. All(DurableCommandLine.Create(new Screen(TextWriter.Null, TextWriter.Null, Interactive: false)))
            .SelectMany(command => command.Options),
    ];

    private static readonly Field[] Fields = [.. OptionsHttp.Calls.Values.SelectMany(fields => fields)];

    [Fact]
    public void No_help_states_a_range()
    {
        Assert.DoesNotContain(Options, option => Range().IsMatch(option.Description ?? ""));
        Assert.DoesNotMatch(Range(), File.ReadAllText(Path.Combine(SparkStandIn.Root, "scripts", "help.sh")));
        Assert.Matches(Range(), "Partitions at the same time, 1 to 64");
        Assert.Matches(Range(), "Rows, 50 to 1,000,000");
    }

    [Fact]
    public void No_option_offers_or_lists_the_words_of_the_hosts()
    {
        foreach (IReadOnlyList<string> words in Fields.Select(field => field.Allowed).OfType<IReadOnlyList<string>>())
        {
            Assert.All(
                Options,
                option =>
                {
                    string[] offered = [.. option.GetCompletions(Empty).Select(item => item.Label)];
                    string[] told = Word().Matches(option.Description ?? "").Select(match => match.Value).ToArray();
                    Assert.True(words.Intersect(offered).Count() < 2, $"{option.Name} offers {string.Join(", ", offered)}");
                    Assert.True(words.Intersect(told).Count() < 2, $"{option.Name}: {option.Description}");
                }
            );
        }
    }

    [Fact]
    public void Whole_numbers_are_judged_by_the_host_alone()
    {
        Option<long?>[] numbers = [.. Options.OfType<Option<long?>>()];

        Assert.True(numbers.Length >= 10);
        Assert.All(
            numbers,
            number =>
                Assert.All(
                    (long[])[long.MinValue, -1, 0, long.MaxValue],
                    value =>
                    {
                        ParseResult parsed = new RootCommand { number }.Parse([number.Name, $"{value}"]);
                        Assert.Empty(parsed.Errors);
                        Assert.Equal(value, parsed.GetValue(number));
                    }
                )
        );
    }

    private static readonly System.CommandLine.Completions.CompletionContext Empty = System.CommandLine.Completions.CompletionContext.Empty;

    private static IEnumerable<Command> All(Command command) => [command, .. command.Subcommands.SelectMany(All)];

    [GeneratedRegex(@"\d to \d")]
    private static partial Regex Range();

    [GeneratedRegex(@"[\w-]+")]
    private static partial Regex Word();
}
