using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Durable.Cli.Commands;

/// <summary>Kinds of options. Values with limits of the host are sent unchecked: the host states, checks and shows them (<c>durable
/// options</c>). Only local values and words of the protocol are checked here.</summary>
internal static class Options
{
    /// <summary>Values, comma-separated or by repeating the option; the host checks them.</summary>
    public static Option<string[]> List(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "a,b,c",
            AllowMultipleArgumentsPerToken = false,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result => [.. Words(result).Distinct()],
        };

    /// <summary>Values from <paramref name="allowed"/>, comma-separated or by repeating the option, in any case.</summary>
    public static Option<string[]> List(string name, string description, IReadOnlyList<string> allowed)
    {
        Option<string[]> option = List(name, description);
        option.CustomParser = result =>
        {
            List<string> values = [];
            foreach (string word in Words(result))
            {
                if (allowed.FirstOrDefault(a => a.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } known)
                    values.Add(known);
                else
                    result.AddError($"{name} has '{word}'; allowed are {string.Join(", ", allowed)}.");
            }

            return [.. values.Distinct()];
        };
        option.CompletionSources.Add(_ => allowed.Select(value => new System.CommandLine.Completions.CompletionItem(value)));
        return option;
    }

    /// <summary>One value from <paramref name="allowed"/>, in any case; default the first.</summary>
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

        string Refuse(ArgumentResult result, string otherwise)
        {
            result.AddError($"{name} is '{result.Tokens[0].Value}'; allowed are {string.Join(", ", allowed)}.");
            return otherwise;
        }
    }

    /// <summary>A whole number; absent by default. The host checks its limits.</summary>
    public static Option<long?> Number(string name, string description) =>
        new(name)
        {
            Description = description,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
                    return value;
                result.AddError($"{name} is '{text}', not a whole number.");
                return null;
            },
        };

    /// <summary>A time; a date alone means its start, without a zone UTC.</summary>
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

    private static IEnumerable<string> Words(ArgumentResult result) =>
        result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
