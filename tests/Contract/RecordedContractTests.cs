using System.Diagnostics;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Contract;

/// <summary>
/// Scenarios recorded from the Azure Functions host, compared with the embedded host by the recorder itself. Both lie beside the
/// repository on some machines; what the scenarios pin is also pinned one by one in <c>tests/Host/Management</c>, <c>/Client</c>,
/// <c>/Http</c> and <c>/Engine</c>, everywhere.
/// </summary>
public sealed class RecordedContractTests
{
    private const string Folder = "../contract";
    private const int AtOnce = 6;

    /// <summary>Scenarios that may differ, with the row of docs/compatibility.md that says in what and why.</summary>
    private static readonly Dictionary<string, string> Known = new()
    {
        ["failure-cancel"] = "| `details` of an orchestrator that threw `OperationCanceledException`,",
        ["ids-client"] = "| `+` in the path of an id |",
        ["ids-webhook"] = "| `+` in the path of an id |",
        ["query"] = "| `top` below 0 |",
        ["rewind-after-retries"] = "| Rewind after retries,",
        ["start-later"] = "| `WaitForInstanceStartAsync` |",
        ["terminate-tree"] = "| `TerminateInstanceOptions.Recursive` |",
    };

    [Fact]
    public void Every_difference_stands_in_the_document()
    {
        string document = File.ReadAllText(Path.Combine(SparkStandIn.Root, "docs", "compatibility.md"));
        Assert.All(Known.Values, row => Assert.Contains(row, document, StringComparison.Ordinal));
    }

    [SharedDataFact(Folder + "/newest")]
    public async Task Every_recorded_scenario_is_reproduced_but_for_those_of_the_document()
    {
        await using ContractHost host = await ContractHost.StartAsync();
        string[] recordings = [.. Directory.GetFiles(SharedData.PathOf(Folder + "/newest"), "*.json").Order(StringComparer.Ordinal)];
        Assert.Equal(68, recordings.Length);

        string[] said = await Task.WhenAll(
            Enumerable.Range(0, AtOnce).Select(lane => CompareAsync(host, recordings.Where((_, i) => i % AtOnce == lane)))
        );
        string[] different = [.. said.SelectMany(Different).Where(name => !Known.ContainsKey(name))];

        // Recordings hold times: on a busy machine one may be missed by many at once, and not by one alone.
        string again =
            different.Length == 0
                ? ""
                : await CompareAsync(host, different.Select(name => SharedData.PathOf($"{Folder}/newest/{name}.json")));
        Assert.True(!Different(again).Any(), again);
    }

    private static IEnumerable<string> Different(string said) =>
        said.Split('\n').Where(line => line.StartsWith("DIFF ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]);

    private static async Task<string> CompareAsync(ContractHost host, IEnumerable<string> recordings)
    {
        ProcessStartInfo start = new(
            "python3",
            [SharedData.PathOf(Folder + "/drive.py"), "compare", .. recordings, $"--base={host.Url}", $"--system={ContractHost.SystemKey}"]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        };
        using Process recorder = Process.Start(start)!;
        Task<string> output = recorder.StandardOutput.ReadToEndAsync(),
            error = recorder.StandardError.ReadToEndAsync();
        await recorder.WaitForExitAsync();
        Assert.True((await output).Contains("transcripts, ", StringComparison.Ordinal), await output + await error);
        return await output;
    }
}
