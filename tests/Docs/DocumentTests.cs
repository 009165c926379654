using System.Text.RegularExpressions;
using Durable.Tests.Cli;
using Durable.Tests.Scripts;

namespace Durable.Tests.Docs;

/// <summary>The documents match the code.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] Documents =
    [
        .. Directory
            .EnumerateFiles(Terminal.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Terminal.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Append(Path.Combine(Terminal.Root, "bench", "README.md")),
    ];

    [Fact]
    public void Every_link_between_documents_leads_somewhere()
    {
        IEnumerable<string> broken =
            from file in Documents
            from Match link in Link().Matches(File.ReadAllText(file))
            let target = link.Groups[1].Value.Split('#')[0]
            where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
            where !Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, target))
            select $"{Path.GetRelativePath(Terminal.Root, file)}: {target}";

        Assert.Empty(broken);
    }

    [Fact]
    public void Every_document_is_in_the_index()
    {
        string index = File.ReadAllText(Path.Combine(Terminal.Root, "docs", "README.md"));

        Assert.All(
            Directory
                .EnumerateFiles(Path.Combine(Terminal.Root, "docs"), "*.md")
                .Select(Path.GetFileName)
                .Where(name => name != "README.md"),
            name => Assert.Contains($"({name}", index, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void The_orchestrator_in_the_readme_is_the_one_that_runs()
    {
        string source = File.ReadAllText(Path.Combine(Terminal.Root, "Orchestrations", "Climate", "HazardBatch.cs"));
        string shown = Block("README.md", "```csharp");

        Assert.All(
            shown.Split('\n').Where(line => line.Trim().Length > 1),
            line => Assert.Contains(line.Trim(), source, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task The_end_of_a_batch_looks_as_the_first_run_shows_it()
    {
        string shown = File.ReadAllText(Path.Combine(Terminal.Root, "docs", "first-run.md"));
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1d90f5b43f80"}""")
            .On(
                "GET /runtime/webhooks/durabletask/instances/hazard-1d90f5b43f80",
                200,
                """
                {"instanceId":"hazard-1d90f5b43f80","runtimeStatus":"Completed","output":{"total":320,"completed":320,"failed":0,"skipped":0,"successRatePercent":100,
                 "durationSeconds":1.2,"averageSpeed":264.99,"rows":320000,"values":2880000,"valuesPerSecond":2384904,"fallbacks":0,"failures":[]}}
                """
            );

        CliCall call = await CliCall.RunAsync(host, "climate", "run");

        Assert.All(call.Out.Split('\n').Take(10), line => Assert.Contains(line, shown, StringComparison.Ordinal));
    }

    private static string Block(string document, string opening)
    {
        string text = File.ReadAllText(Path.Combine(Terminal.Root, document));
        int start = text.IndexOf(opening, StringComparison.Ordinal) + opening.Length;
        return text[start..text.IndexOf("```", start, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
