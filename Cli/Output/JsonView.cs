using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>Writes any JSON answer for people: simple members as name and value, lists of records as tables, long text unchanged.</summary>
internal static class JsonView
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes <paramref name="value"/> in the requested format.</summary>
    public static void Write(Screen screen, OutputFormat format, JsonNode? value)
    {
        if (format == OutputFormat.Json)
            screen.Out.WriteLine(value?.ToJsonString(Indented) ?? "null");
        else
            WriteValue(screen, title: null, value);
    }

    private static void WriteValue(Screen screen, string? title, JsonNode? value)
    {
        switch (value)
        {
            case JsonObject members:
                WriteMembers(screen, title, members);
                break;
            case JsonArray { Count: > 0 } list when list.All(item => item is JsonObject):
                WriteRecords(screen, title, list);
                break;
            case JsonArray { Count: 0 }:
                screen.Out.WriteLine(title is null ? "Nothing." : $"{title}: none");
                break;
            default:
                if (title is not null)
                    screen.Out.WriteLine($"{title}:");
                screen.Out.WriteLine(Fields.Plain(value).TrimEnd());
                break;
        }
    }

    private static void WriteMembers(Screen screen, string? title, JsonObject members)
    {
        if (title is not null)
            screen.Out.WriteLine($"{title}:");
        List<KeyValuePair<string, JsonNode?>> simple = [.. members.Where(m => IsSimple(m.Value))];
        int width = simple.Count == 0 ? 0 : simple.Max(m => Cells.Words(m.Key).Length);
        string indent = title is null ? string.Empty : "  ";
        foreach (KeyValuePair<string, JsonNode?> member in simple)
        {
            string lead = $"{indent}{Cells.Words(member.Key).PadRight(width)}  ";
            screen.Out.WriteLine(
                (
                    lead
                    + (
                        member.Value is JsonArray { Count: 0 } ? "none"
                        : member.Value is JsonArray ? Wrapped(Cells.Of(screen, member.Value), lead.Length, screen.Width)
                        : Fields.Plain(member.Value)
                    )
                ).TrimEnd()
            );
        }
        foreach (KeyValuePair<string, JsonNode?> member in members.Where(m => !IsSimple(m.Value)))
        {
            screen.Out.WriteLine();
            WriteValue(screen, Cells.Words(member.Key), member.Value);
        }
    }

    private static void WriteRecords(Screen screen, string? title, JsonArray list)
    {
        if (title is not null)
            screen.Out.WriteLine($"{title}:");
        if (list.All(item => item.Field("runId") is not null && item.Field("codeVersion") is not null))
        {
            RunsView.Write(screen, list);
            return;
        }
        List<string> names = [.. list.SelectMany(item => ((JsonObject)item!).Select(m => m.Key)).Distinct()];
        Tables.Write(
            screen,
            [.. names.Select(Cells.Words)],
            list.Select(item => (IReadOnlyList<string>)[.. names.Select(name => Cells.Of(screen, item![name]))])
        );
    }

    // A list longer than the line wraps under its first item.
    private static string Wrapped(string list, int from, int width)
    {
        StringBuilder text = new();
        int at = from;
        foreach (string item in list.Split(", "))
        {
            if (text.Length > 0)
            {
                text.Append(',');
                bool fits = at + 2 + item.Length < width; // and a comma after it
                text.Append(fits ? " " : "\n" + new string(' ', from));
                at = fits ? at + 2 : from;
            }

            text.Append(item);
            at += item.Length;
        }

        return text.ToString();
    }

    private static bool IsSimple(JsonNode? value) =>
        value switch
        {
            null => true,
            JsonValue => !Fields.Plain(value).Contains('\n', StringComparison.Ordinal),
            JsonArray list => list.All(item => item is null or JsonValue),
            JsonObject members => members.Count == 0,
            _ => false,
        };
}
