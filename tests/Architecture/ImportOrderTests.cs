using System.Text.RegularExpressions;

namespace Durable.Tests.Architecture;

/// <summary>Imports point one way: checked in the sources, so that a wrong <c>using</c> fails here and not in a review.</summary>
public sealed partial class ImportOrderTests
{
    /// <summary>Each layer of the app may use itself and later ones.</summary>
    private static readonly string[] Layers = ["Functions", "Orchestrations", "Activities", "Pipelines", "Operations"];

    /// <summary>Besides Program.cs, the one file of the app that knows its host: status links of the embedded host have a key per instance;
    /// official ones cannot.</summary>
    private const string StatusAnswers = "Functions/StatusAnswers.cs";

    private static readonly string Root = FindRoot();

    [Fact]
    public void A_namespace_is_its_folder()
    {
        string[] wrong =
        [
            .. from file in Sources([.. Layers, "Postgres", "Cli"])
            where file.Namespace != "Durable." + file.Room.Replace('/', '.')
            select $"{file.Path}: {file.Namespace}",
        ];

        Assert.Empty(wrong);
    }

    [Fact]
    public void Functions_use_orchestrations_use_activities_use_pipelines_use_operations_and_never_back()
    {
        string[] wrong =
        [
            .. from file in Sources(Layers)
            let layer = Array.IndexOf(Layers, file.Room.Split('/')[0])
            from used in file.Uses
            let other = Array.IndexOf(Layers, used.Split('/')[0])
            where other >= 0 && other < layer
            select $"{file.Path} uses {used}",
        ];

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_app_does_not_know_the_host_and_the_host_knows_no_app()
    {
        string[] wrong =
        [
            .. from file in Sources([.. Layers, "Host"])
            let isHost = file.Room.StartsWith("Host", StringComparison.Ordinal)
            from used in file.Uses
            let usesHost = used.StartsWith("Host", StringComparison.Ordinal)
            where isHost ? !usesHost && used != "Postgres" : usesHost && file.Path != StatusAnswers
            select $"{file.Path} uses {used}",
        ];

        Assert.Empty(wrong);
    }

    [Theory, InlineData("Pipelines"), InlineData("Operations"), InlineData("Orchestrations"), InlineData("Functions"), InlineData("Host")]
    public void No_circle_between_rooms(string layer)
    {
        Dictionary<string, HashSet<string>> uses = [];
        foreach (Source file in Sources([layer]))
        {
            uses.TryAdd(file.Room, []);
            uses[file.Room].UnionWith(file.Uses.Where(used => used != file.Room && used.StartsWith(layer + "/", StringComparison.Ordinal)));
        }

        // A room that uses no other, or is used by none, is taken away, again and again; what is left goes round.
        while (
            uses.FirstOrDefault(room => !room.Value.Any(uses.ContainsKey) || !uses.Any(other => other.Value.Contains(room.Key)))
                is { Key: not null } free
        )
        {
            uses.Remove(free.Key);
        }

        Assert.Empty(uses.Select(room => $"{room.Key} uses {string.Join(", ", room.Value.Where(uses.ContainsKey).Order())}"));
    }

    private static IEnumerable<Source> Sources(IReadOnlyCollection<string> folders)
    {
        Source[] all =
        [
            .. from folder in folders
            from path in Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            let relative = Path.GetRelativePath(Root, path).Replace('\\', '/')
            where !relative.Contains("/obj/", StringComparison.Ordinal) && !relative.Contains("/bin/", StringComparison.Ordinal)
            let text = File.ReadAllText(path)
            where NamespaceLine().IsMatch(text)
            select new Source(
                relative,
                Path.GetDirectoryName(relative)!.Replace('\\', '/'),
                NamespaceLine().Match(text).Groups[1].Value,
                [.. UsingLine().Matches(text).Select(match => match.Groups[1].Value.Replace('.', '/'))]
            ),
        ];
        Assert.NotEmpty(all);
        return all;
    }

    internal static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Durable.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Durable.sln is in no folder above the tests.");
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?Durable\.([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex UsingLine();

    private sealed record Source(string Path, string Room, string Namespace, IReadOnlyList<string> Uses);
}
