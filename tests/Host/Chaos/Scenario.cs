namespace Durable.Tests.Host.Chaos;

/// <summary>An orchestration of the sample app, its output for each value, and the steps it must take. Steps of children are named with
/// their instance.</summary>
/// <param name="Name">Orchestrator.</param>
/// <param name="Input">Input for a value, as JSON.</param>
/// <param name="Expected">Output for a value.</param>
/// <param name="Steps">Steps as (what is appended to the instance id, step).</param>
internal sealed record Scenario(
    string Name,
    Func<long, string> Input,
    Func<long, long> Expected,
    IReadOnlyList<(string Suffix, string Step)> Steps
)
{
    // A step turns v into 3v + 1, so k steps in a row turn it into 3^k v + (3^k − 1) / 2.
    public static readonly Scenario Chain = new("Chain", Plain, v => (729 * v) + 364, [.. Numbered("chain", 0, 6)]);

    /// <summary>Σ 3(v + i) + 1 for i = 0 … 11.</summary>
    public static readonly Scenario FanOut = new("FanOut", Plain, v => (36 * v) + 210, [.. Numbered("fan", 0, 12)]);

    /// <summary>Σ 729(v + i) + 364 for i = 0 … 2.</summary>
    public static readonly Scenario Family = new(
        "Family",
        Plain,
        v => (2187 * v) + 3279,
        [.. from child in Enumerable.Range(0, 3) from step in Numbered("chain", 0, 6) select ($"-child-{child}", step.Step)]
    );

    public static readonly Scenario Pause = new("Pause", Plain, v => (9 * v) + 4, [("", "before"), ("", "after")]);

    /// <summary>Gets first = v and second = 7: 3(10v + 7) + 1.</summary>
    public static readonly Scenario Listen = new("Listen", Plain, v => (30 * v) + 22, [("", "first"), ("", "second")]);

    public static readonly Scenario Persist = new("Persist", Plain, v => (3 * v) + 1, [("", "persist")]);

    public static readonly Scenario Generations = new(
        "Generations",
        v => FormattableString.Invariant($$"""{"Number":1,"Value":{{v}}}"""),
        v => (81 * v) + 40,
        [.. Numbered("generation", 1, 4)]
    );

    public static readonly IReadOnlyList<Scenario> All = [Chain, FanOut, Family, Pause, Listen, Persist, Generations];

    private static string Plain(long value) => FormattableString.Invariant($"{value}");

    private static IEnumerable<(string Suffix, string Step)> Numbered(string name, int first, int count) =>
        Enumerable.Range(first, count).Select(i => ("", $"{name}-{i}"));
}
