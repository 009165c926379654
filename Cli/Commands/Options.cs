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
            HelpName = "a,b,c",
            AllowMultipleArgumentsPerToken = false,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result =>
            {
                List<string> values = [];
                foreach (
                    string word in result.Tokens.SelectMany(t =>
                        t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    )
                )
                {
                    if (allowed.FirstOrDefault(a => a.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } known)
                        values.Add(known);
                    else
                        result.AddError($"{name} has '{word}'; allowed are {string.Join(", ", allowed)}.");
                }
                return [.. values.Distinct()];
            },
        };
        option.CompletionSources.Add(_ => allowed.Select(value => new System.CommandLine.Completions.CompletionItem(value)));
        return option;
    }

    /// <summary>One value out of <paramref name="allowed"/>, in any case; the first one unless given.</summary>
    public static Option<string> Choice(string name, string description, params IReadOnlyList<string> allowed)
    {
        Option<string> option = new(name)
        {
            Description = description,
            DefaultValueFactory = _ => allowed[0],
            CustomParser = result =>
                allowed.FirstOrDefault(a => a.Equals(result.Tokens[0].Value, StringComparison.OrdinalIgnoreCase))
                ?? Refuse(result, allowed[0]),
        };
        option.CompletionSources.Add(_ => allowed.Select(value => new System.CommandLine.Completions.CompletionItem(value)));
        return option;

        string Refuse(System.CommandLine.Parsing.ArgumentResult result, string otherwise)
        {
            result.AddError($"{name} is '{result.Tokens[0].Value}'; allowed are {string.Join(", ", allowed)}.");
            return otherwise;
        }
    }

    /// <summary>A whole number within limits; absent unless given.</summary>
    public static Option<int?> Number(string name, string description, int least, int most) =>
        new(name)
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{description}, {least} to {most}"),
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                bool number = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value);
                if (number && value >= least && value <= most)
                    return (int)value;
                result.AddError(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{name} is {(number ? text : $"'{text}'")}; it goes from {least} to {most}."
                    )
                );
                return null;
            },
        };

    /// <summary>An instant; a date alone is its first moment, without zone in UTC.</summary>
    public static Option<DateTimeOffset?> Instant(string name, string description) =>
        new(name)
        {
            Description = description,
            CustomParser = result =>
            {
                if (
                    DateTimeOffset.TryParse(
                        result.Tokens[0].Value,
                        CultureInfo.InvariantCulture,
                        DateTimeStyles.AssumeUniversal,
                        out DateTimeOffset instant
                    )
                )
                    return instant;
                result.AddError($"{name} is '{result.Tokens[0].Value}', not a time such as 2026-01-31 or 2026-01-31T09:00Z.");
                return null;
            },
        };
}
