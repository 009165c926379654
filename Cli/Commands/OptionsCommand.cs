using System.CommandLine;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable options [CALL]</c>: the options of each call, with limits read from the host.</summary>
internal static class OptionsCommand
{
    /// <summary>Names the source of a call's limits, for the help of its command.</summary>
    public static string Hint(string call) => $"Limits and defaults: {Screen.Command} options {call}";

    /// <summary>Exit 2 when the host has no such call.</summary>
    public static Command Create(Connection connection, Screen screen)
    {
        Argument<string?> call = new("call")
        {
            Description = "One call, such as spot/backfill; without it, all",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("options", "Shows the options of each call, with the host's limits and defaults.") { call }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject calls = (await client.CallAsync(HttpMethod.Get, "options", json: null, cancellation)).Body as JsonObject ?? [];
                if (parsed.GetValue(call) is { } wanted)
                {
                    if (calls[wanted]?.DeepClone() is not { } fields)
                        throw new CommandFailedException(
                            ExitCode.BadUsage,
                            $"There is no call '{wanted}'; there are {string.Join(", ", calls.Select(known => known.Key))}."
                        );
                    calls = new JsonObject { [wanted] = fields };
                }

                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, calls);
                else
                    Tables.Write(
                        screen,
                        [new Column("call", 0, 12), new("option", 0), new("allowed", 1, 12), new("default", 2, 8), new("about", 3, 16)],
                        calls.SelectMany(known => (known.Value as JsonArray ?? []).Select(field => Row(known.Key, field)))
                    );
                return ExitCode.Ok;
            }
        );
    }

    private static IReadOnlyList<string> Row(string call, JsonNode? field) =>
        [call, field.Text("name"), Allowed(field), field.Text("default"), field.Text("about")];

    private static string Allowed(JsonNode? field) =>
        (field.Field("allowed"), field.Text("kind"), field.Text("least"), field.Text("most")) switch
        {
            (JsonArray words, _, _, _) => string.Join(", ", words.Select(word => $"{word}")),
            (_, "Text", _, { Length: > 0 } most) => $"text, at most {most} characters",
            (_, _, { Length: > 0 } least, { Length: > 0 } most) => $"{least} to {most}",
            var (_, kind, _, _) => kind.ToLowerInvariant(),
        };
}
