using System.Text.Json;
using System.Text.RegularExpressions;

namespace Durable.Tests.Architecture;

/// <summary>The bindings of the built app, as the Azure Functions host reads them: from <c>functions.metadata</c>, before any code of the app has run.</summary>
public sealed partial class BindingExpressionTests
{
    private static readonly string Root = ImportOrderTests.FindRoot();

    /// <summary>
    /// The host knows app settings only, never a default inside the worker, and it stores a setting with <c>__</c> in its name under another name:
    /// such a function is left out, with one line in the log.
    /// </summary>
    [Fact]
    public void Every_expression_names_a_setting_that_the_Azure_host_can_resolve()
    {
        using JsonDocument settings = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root, "local.settings.sample.json")));
        HashSet<string> known = [.. settings.RootElement.GetProperty("Values").EnumerateObject().Where(value => value.Value.GetString() is not "").Select(value => value.Name)];

        string[] unresolved =
        [
            .. from function in Functions()
               from binding in function.GetProperty("bindings").EnumerateArray()
               from text in Texts(binding)
               from Match expression in Expression().Matches(text)
               let name = expression.Groups[1].Value
               where name.Contains("__", StringComparison.Ordinal) || !known.Contains(name)
               select $"{function.GetProperty("name")}: {text}",
        ];

        Assert.Empty(unresolved);
    }

    [Fact]
    public void The_reaper_runs_every_minute_whatever_the_settings_say()
    {
        JsonElement reaper = Functions().Single(function => function.GetProperty("name").GetString() == "ReapClusters");

        Assert.Contains("0 * * * * *", Texts(reaper.GetProperty("bindings")));
    }

    internal static IEnumerable<JsonElement> Functions()
    {
        // The app's own output for the configuration that these tests were built with: bin/<configuration>/<framework>.
        DirectoryInfo framework = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string path = Path.Combine(Root, "bin", framework.Parent!.Name, framework.Name, "functions.metadata");
        JsonElement[] functions = [.. JsonDocument.Parse(File.ReadAllText(path)).RootElement.EnumerateArray()];
        Assert.NotEmpty(functions);
        return functions;
    }

    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Object => value.EnumerateObject().SelectMany(member => Texts(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        _ => [],
    };

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex Expression();
}
