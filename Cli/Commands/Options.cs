using System.CommandLine;
using System.Globalization;

namespace Durable.Cli.Commands;

/// <summary>Options whose bad values are named together with the good ones.</summary>
internal static class Options
{
    /// <summary>Values out of <paramref name="allowed"/>, by comma or by repeating the option, in any case.</summary>
    public static Option<string[]> List(string name, string description, params IReadOnlyList<string> allowed)
    {
        Option<string[]> option = new(name)
        {
            Description = description,
            AllowMultipleArgumentsPerToken = false,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result =>
            {
                List<string> values = [];
                foreach (string word in result.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
                {
                    if (allowed.FirstOrDefault(a => a.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } known)
                        values.Add(known);
                    else
                        result.AddError($"{name} has '{word}'; allowed are {string.Join(", ", allowed)}.");
                }
                return [.. values.Distinct()];
            },
        };
        return option;
    }

    /// <summary>A whole number within limits; absent unless given.</summary>
    public static Option<int?> Number(string name, string description, int least, int most)
    {
        Option<int?> option = new(name) { Description = string.Create(CultureInfo.InvariantCulture, $"{description}, {least} to {most}") };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out int value) && (value < least || value > most))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it goes from {least} to {most}."));
        });
        return option;
    }
}
