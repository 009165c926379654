using System.Text.RegularExpressions;
using Durable.Tests.AzureHost.Hub;
using Durable.Tests.Fixtures;
using Google.Protobuf;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost;

/// <summary>
/// The last turn of an orchestration, as request (with the history before it) and response of the SDK: two protobuf messages, kept as JSON
/// in <c>Histories</c>.
/// </summary>
internal sealed partial record GoldenHistory(string Orchestrator, OrchestratorRequest Request, OrchestratorResponse Response)
{
    private static readonly string Folder = Path.Combine(SparkStandIn.Root, "tests", "AzureHost", "Histories");
    private static readonly JsonFormatter Writer = new(JsonFormatter.Settings.Default.WithIndentation());

    /// <summary>Orchestrators that have one.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Directory
            .GetFiles(Folder, "*.request.json")
            .Select(path => Path.GetFileName(path)[..^".request.json".Length])
            .Order(StringComparer.Ordinal),
    ];

    public static GoldenHistory Read(string orchestrator) =>
        new(
            orchestrator,
            OrchestratorRequest.Parser.ParseJson(File.ReadAllText(RequestPath(orchestrator))),
            OrchestratorResponse.Parser.ParseJson(File.ReadAllText(ResponsePath(orchestrator)))
        );

    /// <summary>
    /// Records the longest completed run of each orchestrator when <c>DURABLE_RECORD_HISTORIES</c> is set: after an intended change of an
    /// orchestrator, not to silence a failing replay.
    /// </summary>
    public static void RecordIfAsked(TaskHub hub)
    {
        if (Environment.GetEnvironmentVariable("DURABLE_RECORD_HISTORIES") is not { Length: > 0 })
            return;
        Directory.CreateDirectory(Folder);
        foreach (
            HubInstance run in hub
                .Runs.Where(run => run.Status == OrchestrationStatus.Completed)
                .GroupBy(run => run.Name)
                .Select(runs => runs.MaxBy(run => run.History.Count)!)
        )
        {
            (OrchestratorRequest request, OrchestratorResponse response) = run.Turns[^1];
            foreach (HistoryEvent e in request.PastEvents.Concat(request.NewEvents))
                ForgetStack(e.TaskFailed?.FailureDetails ?? e.SubOrchestrationInstanceFailed?.FailureDetails);
            File.WriteAllText(RequestPath(run.Name), Text(request));
            File.WriteAllText(ResponsePath(run.Name), Text(response));
        }
    }

    private static string Text(IMessage message) => TemporaryFolder().Replace(Writer.Format(message), "/sandbox") + "\n";

    // Stacks and folders are those of the machine that recorded it.
    private static void ForgetStack(TaskFailureDetails? failure)
    {
        for (; failure is not null; failure = failure.InnerFailure)
            failure.StackTrace = null;
    }

    [GeneratedRegex("/tmp/[^/\"]+(/root)?")]
    private static partial Regex TemporaryFolder();

    private static string RequestPath(string orchestrator) => Path.Combine(Folder, orchestrator + ".request.json");

    private static string ResponsePath(string orchestrator) => Path.Combine(Folder, orchestrator + ".response.json");
}
