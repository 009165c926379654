using System.Globalization;
using System.Text.Json;
using Durable.Host.History;

namespace Durable.Host.Management;

/// <summary>
/// The history as the extension shows it: a call and its result are one entry, the result's; an open call is its own entry; turns are
/// omitted. Names, their order and the fields that are always null are as recorded.
/// </summary>
internal static class HistoryJson
{
    /// <summary>Writes the events as an array.</summary>
    /// <param name="json">Target.</param>
    /// <param name="history">Events of one execution, oldest first.</param>
    /// <param name="showOutput">Whether to show results.</param>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<HistoryEvent> history, bool showOutput)
    {
        HashSet<HistoryEvent> answered = new(ReferenceEqualityComparer.Instance);
        Dictionary<HistoryEvent, HistoryEvent> calls = new(ReferenceEqualityComparer.Instance);
        Match(history, calls, answered);

        json.WriteStartArray();
        foreach (HistoryEvent e in history)
        {
            if (e.Kind is EventKind.OrchestratorStarted or EventKind.ContinueAsNew || answered.Contains(e))
                continue;
            json.WriteStartObject();
            Write(json, e, calls.GetValueOrDefault(e), showOutput);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    // A rewind schedules a task id again: a result belongs to the latest call of its id.
    private static void Match(
        IReadOnlyList<HistoryEvent> history,
        Dictionary<HistoryEvent, HistoryEvent> calls,
        HashSet<HistoryEvent> answered
    )
    {
        Dictionary<int, HistoryEvent> open = [];
        foreach (HistoryEvent e in history)
        {
            if (e.Kind is EventKind.TaskScheduled or EventKind.SubOrchestrationInstanceCreated)
                open[e.TaskId] = e;
            else if (IsResult(e.Kind) && open.Remove(e.TaskId, out HistoryEvent? call))
            {
                calls[e] = call;
                answered.Add(call);
            }
        }
    }

    private static void Write(Utf8JsonWriter json, HistoryEvent e, HistoryEvent? call, bool showOutput)
    {
        if (e.Kind is EventKind.GenericEvent or EventKind.ExecutionRewound)
        {
            json.WriteString("Data", e.Data); // recorded before the type
            json.WriteString("EventType", nameof(EventKind.GenericEvent));
            json.WriteString("Timestamp", Utc(e.At));
            return;
        }

        json.WriteString("EventType", e.Kind.ToString());
        switch (e.Kind)
        {
            case EventKind.ExecutionStarted:
                json.WriteString("Input", e.Data);
                json.WriteNull("Correlation");
                json.WriteNull("ParentTraceContext");
                json.WriteString("ScheduledStartTime", e.Detail?.ScheduledStart is { } start ? Utc(start) : null);
                if (e.Detail?.Generation is { } generation)
                    json.WriteNumber("Generation", generation);
                else
                    json.WriteNull("Generation");
                json.WriteBoolean("GenerateNewTrace", false);
                break;
            case EventKind.ExecutionCompleted:
                json.WriteString("OrchestrationStatus", e.Detail?.Status ?? "Completed");
                if (showOutput)
                    json.WriteStored("Result", e.Data);
                Write(json, "FailureDetails", e.Detail?.Failure);
                break;
            case EventKind.TaskCompleted or EventKind.SubOrchestrationInstanceCompleted:
                if (showOutput)
                    json.WriteStored("Result", e.Data);
                break;
            case EventKind.TaskFailed or EventKind.SubOrchestrationInstanceFailed:
                json.WriteString("Reason", e.Data ?? e.Detail?.Failure?.ErrorMessage);
                json.WriteNull("Details");
                Write(json, "FailureDetails", e.Detail?.Failure, properties: e.Kind != EventKind.TaskFailed);
                break;
            case EventKind.TaskScheduled:
                json.WriteString("Name", e.Name);
                json.WriteNull("Input");
                json.WriteNull("ParentTraceContext");
                WriteTags(json, e.Detail?.Tags);
                break;
            case EventKind.SubOrchestrationInstanceCreated:
                json.WriteString("Name", e.Name);
                json.WriteString("InstanceId", e.Detail?.InstanceId);
                json.WriteNull("Input");
                break;
            case EventKind.TimerCreated or EventKind.TimerFired:
                json.WriteString("FireAt", e.Detail?.FireAt is { } fireAt ? Utc(fireAt) : null);
                break;
            case EventKind.EventRaised:
                json.WriteString("Name", e.Name);
                json.WriteString("Input", e.Data);
                json.WriteNull("ParentTraceContext");
                break;
            case EventKind.EventSent:
                json.WriteString("InstanceId", e.Detail?.InstanceId);
                json.WriteString("Name", e.Name);
                json.WriteString("Input", e.Data);
                break;
            case EventKind.ExecutionSuspended or EventKind.ExecutionResumed:
                json.WriteString("Reason", e.Data);
                break;
            case EventKind.ExecutionTerminated:
                json.WriteString("Input", e.Data);
                break;
        }

        json.WriteString("Timestamp", Utc(e.At));
        if (e.Kind == EventKind.ExecutionStarted)
            json.WriteString("FunctionName", e.Name);
        if (call is not null)
        {
            json.WriteString("ScheduledTime", Local(call.At));
            json.WriteString("FunctionName", call.Name);
            if (call.Kind == EventKind.SubOrchestrationInstanceCreated)
                json.WriteString("InstanceId", call.Detail?.InstanceId);
            json.WriteNull("Input");
        }
    }

    // The extension leaves the properties of an activity's failure null; in other failures they are an empty object.
    private static void Write(Utf8JsonWriter json, string name, FailureInfo? failure, bool properties = true)
    {
        if (failure is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("ErrorType", failure.ErrorType);
        json.WriteString("ErrorMessage", failure.ErrorMessage);
        json.WriteString("StackTrace", failure.StackTrace);
        Write(json, "InnerFailure", failure.Inner, properties);
        json.WriteBoolean("IsNonRetriable", failure.NonRetriable);
        if (properties)
        {
            json.WriteStartObject("Properties");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("Properties");
        }

        json.WriteEndObject();
    }

    private static void WriteTags(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? tags)
    {
        json.WriteStartObject("Tags");
        foreach ((string name, string value) in tags ?? new Dictionary<string, string>())
            json.WriteString(name, value);
        json.WriteEndObject();
    }

    private static bool IsResult(EventKind kind) =>
        kind
            is EventKind.TaskCompleted
                or EventKind.TaskFailed
                or EventKind.SubOrchestrationInstanceCompleted
                or EventKind.SubOrchestrationInstanceFailed;

    private static string Utc(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    private static string Local(DateTime time) =>
        new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc))
            .ToLocalTime()
            .ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);
}
