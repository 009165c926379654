using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>One step of a run, read from its history.</summary>
/// <param name="Name">Function, event or other step.</param>
/// <param name="Kind">activity, orchestration, timer, event or run.</param>
/// <param name="State">done, failed, running, or when it fires.</param>
/// <param name="Started">Time of the request.</param>
/// <param name="Took">Time until its result; null without one, or when it takes no time.</param>
/// <param name="Detail">Result or error.</param>
internal sealed record RunStep(string Name, string Kind, string State, DateTimeOffset? Started, TimeSpan? Took, string Detail);

/// <summary>The history of an instance as steps with their times, from the management API of either host.</summary>
internal static class StepsView
{
    private const int MostLines = 20;

    /// <summary>Reads <c>historyEvents</c>, oldest first.</summary>
    public static IReadOnlyList<RunStep> Read(JsonNode? instance)
    {
        JsonArray events = instance.Field("historyEvents") as JsonArray ?? [];
        HashSet<string> fired = [.. events.Where(e => e.Text("EventType") == "TimerFired").Select(e => e.Text("FireAt"))];
        Dictionary<string, DateTimeOffset?> created = [];
        List<RunStep> steps = [];
        foreach (JsonNode? e in events)
        {
            string type = e.Text("EventType"),
                name = e.Text("FunctionName") is { Length: > 0 } function ? function : e.Text("Name");
            DateTimeOffset? at = At(e, "Timestamp"),
                asked = At(e, "ScheduledTime") ?? at;
            switch (type)
            {
                case "TaskCompleted" or "SubOrchestrationInstanceCompleted":
                    steps.Add(new RunStep(name, Kind(type), "done", asked, at - asked, Short(e, "Result")));
                    break;
                case "TaskFailed" or "SubOrchestrationInstanceFailed":
                    string why = e.Field("FailureDetails").Text("ErrorMessage") is { Length: > 0 } message ? message : e.Text("Reason");
                    steps.Add(new RunStep(name, Kind(type), "failed", asked, at - asked, why));
                    break;
                case "TaskScheduled" or "SubOrchestrationInstanceCreated":
                    steps.Add(new RunStep(name, Kind(type), "running", at, null, e.Text("InstanceId")));
                    break;
                case "TimerCreated":
                    created[e.Text("FireAt")] = at;
                    if (!fired.Contains(e.Text("FireAt")))
                        steps.Add(new RunStep("timer", "timer", "waiting", at, null, "until " + e.Text("FireAt")));
                    break;
                case "TimerFired":
                    DateTimeOffset? begun = created.GetValueOrDefault(e.Text("FireAt"));
                    steps.Add(new RunStep("timer", "timer", "fired", begun ?? at, at - begun, string.Empty));
                    break;
                case "EventRaised" or "EventSent":
                    steps.Add(new RunStep(name, "event", type == "EventRaised" ? "received" : "sent", at, null, Short(e, "Input")));
                    break;
                case "ExecutionSuspended" or "ExecutionResumed" or "ExecutionTerminated":
                    steps.Add(
                        new RunStep(
                            type["Execution".Length..].ToLowerInvariant(),
                            "run",
                            string.Empty,
                            at,
                            null,
                            e.Text("Reason") + e.Text("Input")
                        )
                    );
                    break;
                case "GenericEvent":
                    steps.Add(new RunStep("rewound", "run", string.Empty, at, null, e.Text("Data")));
                    break;
            }
        }
        return steps;
    }

    /// <summary>Every step in order.</summary>
    public static void WriteAll(Screen screen, IReadOnlyList<RunStep> steps) =>
        Tables.Write(
            screen,
            [new Column("started", 0), new("step", 0, 24), new("state", 0), new("took", 1), new("kind", 3), new("detail", 2, 20)],
            steps.Select(step =>
                (IReadOnlyList<string>)[Time(screen, step.Started), step.Name, step.State, Took(step.Took), step.Kind, step.Detail]
            )
        );

    /// <summary>The steps, or for many steps one line per function with count and duration.</summary>
    public static void WriteSummary(Screen screen, IReadOnlyList<RunStep> steps)
    {
        if (steps.Count == 0)
            return;
        screen.Out.WriteLine();
        screen.Out.WriteLine("steps:");
        if (steps.Count <= MostLines)
        {
            WriteAll(screen, steps);
            return;
        }
        Tables.Write(
            screen,
            [
                new Column("step", 0, 24),
                new("times", 0),
                new("done", 0),
                new("failed", 0),
                new("open", 1),
                new("first", 3),
                new("last", 4),
                new("each", 2),
                new("longest", 2),
            ],
            steps
                .GroupBy(step => step.Name)
                .Select(group =>
                    (IReadOnlyList<string>)
                        [
                            group.Key,
                            Number(group.Count()),
                            Number(group.Count(s => s.State is "done" or "fired" or "received")),
                            Number(group.Count(s => s.State == "failed")),
                            Number(group.Count(s => s.State is "running" or "waiting")),
                            Time(screen, group.Min(s => s.Started)),
                            Time(screen, group.Max(s => s.Started)),
                            Took(group.Average(s => s.Took?.TotalSeconds) is { } seconds ? TimeSpan.FromSeconds(seconds) : null),
                            Took(group.Max(s => s.Took)),
                        ]
                )
        );
    }

    private static string Kind(string type) => type.StartsWith("Task", StringComparison.Ordinal) ? "activity" : "orchestration";

    private static string Short(JsonNode? e, string name) => e.Text(name) is { Length: > 200 } text ? text[..200] : e.Text(name);

    private static string Time(Screen screen, DateTimeOffset? instant) => instant is { } time ? Cells.Time(screen, time) : string.Empty;

    private static string Took(TimeSpan? time) =>
        time is { } length ? Cells.Length(length < TimeSpan.Zero ? TimeSpan.Zero : length) : string.Empty;

    private static string Number(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static DateTimeOffset? At(JsonNode? e, string name) =>
        DateTimeOffset.TryParse(e.Text(name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : null;
}
