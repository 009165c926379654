using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Durable.Bench;

/// <summary>Options of the bench.</summary>
internal static class BenchCommandLine
{
    private const int Done = 0,
        Failed = 1,
        BadUsage = 2;

    private static readonly Dictionary<Bench, Option<bool>> Choices = Bench
        .All.Where(bench => bench.Option is not null)
        .ToDictionary(bench => bench, bench => new Option<bool>(bench.Option!) { Description = bench.What });

    private static readonly Option<int[]> Cells = Numbers(
        "--cells",
        "Cells of the grid, with --climate or --national; --climate takes several"
    );

    private static readonly Option<int[]> Rows = Numbers("--rows", "Rows, with --returns");

    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Write the report, in Markdown, to FILE too",
        HelpName = "FILE",
    };

    /// <summary>Measures what is asked for.</summary>
    /// <returns>0 measured, whatever was reached; 1 it could not be measured; 2 bad usage.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        RootCommand root = new($"Measures {Bench.All[0].What}, or with one of the options:") { Cells, Rows, Out };
        root.Options.Remove(root.Options.OfType<VersionOption>().Single());
        foreach (Option<bool> choice in Choices.Values.Reverse())
            root.Options.Insert(0, choice);
        root.Validators.Add(Check);
        root.SetAction((parsed, _) => MeasureAsync(parsed, args));
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        foreach (string message in parsed.Errors.Select(error => error.Message).Distinct())
            await Console.Error.WriteLineAsync(message);
        await Console.Error.WriteLineAsync("See: dotnet run -c Release --project bench -- --help");
        return BadUsage;
    }

    private static async Task<int> MeasureAsync(ParseResult parsed, string[] args)
    {
        Bench bench = Chosen(parsed.CommandResult).FirstOrDefault() ?? Bench.All[0];
        BenchReport report = new();
        try
        {
            report.Say(await BenchHeader.OfAsync(bench, args));
            await bench.RunAsync(new BenchSizes(Given(Cells), Given(Rows)?[0]), report);
            return Done;
        }
        catch (Exception error)
        {
            await Console.Error.WriteLineAsync(error is InvalidOperationException ? error.Message : error.ToString());
            return Failed;
        }
        finally
        {
            if (parsed.GetValue(Out) is { } file)
                await File.WriteAllTextAsync(file, report.ToString());
        }

        int[]? Given(Option<int[]> option) => parsed.GetResult(option) is null ? null : parsed.GetValue(option);
    }

    private static void Check(CommandResult result)
    {
        string[] chosen = [.. Chosen(result).Select(bench => bench.Option!)];
        if (chosen.Length > 1)
            result.AddError($"{string.Join(" and ", chosen)} are measured one at a time; give one of them.");
        Needs(Cells, "--climate", "--national");
        Needs(Rows, "--returns");
        if (chosen is ["--national"] && result.GetValue(Cells) is { Length: > 1 })
            result.AddError("--national takes one number of cells.");
        if (
            result.GetValue(Out) is { } file
            && (Directory.Exists(file) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))))
        )
            result.AddError($"--out {file} is no file in a folder that exists.");

        void Needs(Option option, params string[] benches)
        {
            if (result.GetResult(option) is not null && !chosen.Intersect(benches).Any())
                result.AddError($"{option.Name} goes with {string.Join(" or ", benches)}.");
        }
    }

    private static IEnumerable<Bench> Chosen(CommandResult result) =>
        Choices.Where(choice => result.GetValue(choice.Value)).Select(choice => choice.Key);

    private static Option<int[]> Numbers(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result =>
            {
                List<int> numbers = [];
                foreach (string word in result.Tokens[0].Value.Split(','))
                {
                    if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0)
                        numbers.Add(number);
                    else
                        result.AddError($"{name} has '{word}'; give whole numbers from 1, separated by commas.");
                }

                return [.. numbers];
            },
        };
}
