using System.Globalization;
using Durable.Host.Functions;
using Durable.Host.History;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Grpc;
using P = Microsoft.DurableTask.Protobuf;

namespace Durable.Host.Replay;

/// <summary>Runs one execution of an orchestrator over events by the SDK's own replay. Knows no store and no clock.</summary>
/// <remarks>Not thread-safe; one turn at a time. Kept between turns (an extended session) it need not replay; its cache is its own, so that
/// a stale session and the one that follows it share nothing.</remarks>
internal sealed class OrchestrationExecutor : IDisposable, ITaskOrchestrator
{
    /// <summary>Largest custom status, as the Durable extension has it: 16 KB of UTF-16.</summary>
    private const int MaxCustomStatusKilobytes = 16;

    /// <summary>Builds before this one went on at once when a policy refused the failure of its last attempt; the SDK sets a timer
    /// there.</summary>
    private const string EarlierBuild =
        " The history was begun by an earlier build of this host, which numbered steps otherwise after the last attempt of a retry policy. "
        + "Rewind the instance: what is recorded before that step is kept and the step runs again. Or start it again.";

    private readonly IFunctionRuntime functions;
    private readonly ReplayHost host;
    private readonly ReplayHeader header;
    private readonly ExtendedSessionsCache sessions = new();
    private readonly TurnTime turn = new();
    private readonly Dictionary<int, OrchestratorAction> open = [];
    private readonly Dictionary<int, CreateTimerAction> openTimers = [];
    private readonly List<P.HistoryEvent> past = [];
    private bool earlierBuild;
    private string? customStatus;
    private bool statusKnown;
    private bool inSession;

    /// <summary>An executor for the execution <paramref name="header"/> describes; nothing runs yet.</summary>
    public OrchestrationExecutor(ReplayHeader header, IFunctionRuntime functions, ReplayHost host)
    {
        this.header = header;
        this.functions = functions;
        this.host = host;
    }

    /// <summary>Whether events are being held back by a suspension.</summary>
    public bool Suspended { get; private set; }

    /// <summary>Reason given with the last suspend or resume.</summary>
    public string? SuspendReason { get; private set; }

    /// <summary>Open timers with their due times. A cancelled one is still among them: the SDK does not tell, and its firing changes
    /// nothing.</summary>
    public IReadOnlyCollection<CreateTimerAction> OpenTimers => openTimers.Values;

    /// <summary>Open children, for a recursive terminate.</summary>
    public IEnumerable<StartChildAction> OpenChildren => open.Values.OfType<StartChildAction>();

    /// <summary>Open activities with their inputs, for a rewind that hands them out again.</summary>
    public IEnumerable<ScheduleTaskAction> OpenActivities => open.Values.OfType<ScheduleTaskAction>();

    /// <summary>Whether code and history disagreed; nothing of such a turn is recorded but the failure.</summary>
    public bool Mismatch { get; private set; }

    /// <inheritdoc />
    System.Type ITaskOrchestrator.InputType => typeof(object);

    /// <inheritdoc />
    System.Type ITaskOrchestrator.OutputType => typeof(object);

    /// <summary>The call with this number, while it waits for its result.</summary>
    public OrchestratorAction? Open(int taskId) => open.GetValueOrDefault(taskId);

    /// <summary>Takes history in; the code runs over it with the next turn.</summary>
    public void Replay(IReadOnlyList<HistoryEvent> history)
    {
        past.AddRange(HistoryProtobuf.Write(header, history, turn));
        foreach (HistoryEvent happened in history)
        {
            Note(happened);
        }
    }

    /// <summary>Takes note of events that came after the end.</summary>
    public void Skip(IReadOnlyList<HistoryEvent> events)
    {
        foreach (HistoryEvent happened in events)
        {
            Note(happened);
        }
    }

    /// <summary>Handles the new events of a turn and says what the turn produced.</summary>
    public TurnOutcome Run(IReadOnlyList<HistoryEvent> fresh)
    {
        P.OrchestratorRequest request = new() { InstanceId = header.InstanceId, ExecutionId = header.ExecutionId };
        request.NewEvents.AddRange(HistoryProtobuf.Write(header, fresh, turn));
        request.Properties["IsExtendedSession"] = Value.ForBool(true);
        request.Properties["ExtendedSessionIdleTimeoutInSeconds"] = Value.ForNumber(TimeSpan.FromDays(3650).TotalSeconds); // as long as this executor
        request.Properties["IncludeState"] = Value.ForBool(!inSession);
        if (!inSession)
        {
            request.PastEvents.AddRange(past);
            past.Clear();
        }

        foreach (HistoryEvent happened in fresh)
        {
            Note(happened);
        }

        P.OrchestratorResponse response;
        try
        {
            string answer = GrpcOrchestrationRunner.LoadAndRun(Convert.ToBase64String(request.ToByteArray()), this, sessions, host);
            response = P.OrchestratorResponse.Parser.ParseFrom(Convert.FromBase64String(answer));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What the SDK throws, the Functions host reports as a function that could not be run: cancelled code, an event that is no such
            // type.
            return Unusable(e);
        }

        if (response.RequiresHistory)
        {
            throw new InvalidOperationException($"The session of instance '{header.InstanceId}' is gone.");
        }

        inSession = true;
        double kilobytes = response.CustomStatus is { } status ? status.Length * sizeof(char) / 1024.0 : 0;
        return kilobytes > MaxCustomStatusKilobytes
            ? Unusable(
                new ArgumentException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"CustomStatus is too large: limit = {MaxCustomStatusKilobytes} KB (UTF-16), actual = {kilobytes:N2} KB."
                    )
                )
            )
            : Read(response);
    }

    /// <inheritdoc />
    Task<object?> ITaskOrchestrator.RunAsync(TaskOrchestrationContext context, object? input) =>
        functions.InvokeOrchestratorAsync(
            header.Name,
            new OrchestrationContext(context, header.Input, host.Converter, host.Loggers),
            header.Input
        );

    /// <inheritdoc />
    public void Dispose() => sessions.Dispose();

    private TurnOutcome Unusable(Exception e) =>
        new(
            [],
            false,
            customStatus,
            TurnEnding.Unusable(
                $"Function '{header.Name}' failed with an unhandled exception.",
                $"{e.GetType().FullName}: {Failures.Clean(e.Message)}"
            )
        );

    private TurnOutcome Read(P.OrchestratorResponse response)
    {
        List<OrchestratorAction> actions = [];
        TurnEnding? ending = null;
        IReadOnlyList<HistoryEvent> unread = [];
        foreach (P.OrchestratorAction action in response.Actions.OrderBy(a => a.Id))
        {
            if (action.CompleteOrchestration is { } end)
            {
                ending = Ending(end);
                unread =
                [
                    .. end
                        .CarryoverEvents.Where(e => e.EventRaised is not null)
                        .Select(e => new HistoryEvent(EventKind.EventRaised, -1, turn.At, e.EventRaised.Name, e.EventRaised.Input)),
                ];
            }
            else if (Read(action) is { } read)
            {
                actions.Add(read);
            }
        }

        if (ending?.Continuation is not null)
        {
            // The SDK forwards what was not read as events to itself; they belong before whatever arrived meanwhile.
            SendEventAction[] forwarded = [.. actions.OfType<SendEventAction>().Where(sent => sent.InstanceId == header.InstanceId)];
            actions.RemoveAll(action => forwarded.Contains(action));
            unread = [.. forwarded.Select(sent => new HistoryEvent(EventKind.EventRaised, -1, turn.At, sent.Name, sent.Input)), .. unread];
        }

        foreach (OrchestratorAction action in Mismatch ? [] : actions)
        {
            if (action is not SendEventAction)
            {
                Opened(action);
            }
        }

        string? status = string.IsNullOrEmpty(response.CustomStatus) ? null : response.CustomStatus;
        bool changed = !statusKnown || status != customStatus; // what is stored may be a status that the code has taken back since
        (customStatus, statusKnown) = (status, true);
        return new TurnOutcome(actions, changed, status, ending) { UnreadEvents = unread };
    }

    private static OrchestratorAction? Read(P.OrchestratorAction action) =>
        action.OrchestratorActionTypeCase switch
        {
            P.OrchestratorAction.OrchestratorActionTypeOneofCase.ScheduleTask => new ScheduleTaskAction(
                action.Id,
                action.ScheduleTask.Name,
                Single(action.ScheduleTask.Input),
                Text(action.ScheduleTask.Version),
                Tags(action.ScheduleTask.Tags)
            ),
            P.OrchestratorAction.OrchestratorActionTypeOneofCase.CreateSubOrchestration => new StartChildAction(
                action.Id,
                action.CreateSubOrchestration.Name,
                action.CreateSubOrchestration.InstanceId,
                action.CreateSubOrchestration.Input,
                Text(action.CreateSubOrchestration.Version),
                Tags(action.CreateSubOrchestration.Tags)
            ),
            P.OrchestratorAction.OrchestratorActionTypeOneofCase.CreateTimer => new CreateTimerAction(
                action.Id,
                action.CreateTimer.FireAt.ToDateTime()
            ),
            P.OrchestratorAction.OrchestratorActionTypeOneofCase.SendEvent => new SendEventAction(
                action.Id,
                action.SendEvent.Instance.InstanceId,
                action.SendEvent.Name,
                action.SendEvent.Data
            ),
            _ => null,
        };

    private TurnEnding Ending(P.CompleteOrchestrationAction end)
    {
        switch (end.OrchestrationStatus)
        {
            case P.OrchestrationStatus.ContinuedAsNew:
                return new TurnEnding(null, null, false, new ContinueAsNewRequest(end.Result, true, Text(end.NewVersion)));
            case P.OrchestrationStatus.Failed:
                FailureInfo failure = HistoryProtobuf.Read(end.FailureDetails);
                Mismatch = failure.ErrorType == typeof(global::DurableTask.Core.Exceptions.NonDeterministicOrchestrationException).FullName;
                return TurnEnding.Failure(
                    Mismatch && earlierBuild ? failure with { ErrorMessage = failure.ErrorMessage + EarlierBuild } : failure
                );
            default:
                return new TurnEnding(end.Result, null, false, null);
        }
    }

    /// <summary>Keeps account of what is open and suspended.</summary>
    private void Note(HistoryEvent happened)
    {
        earlierBuild |= happened.Detail?.RetryOf is not null;
        switch (happened.Kind)
        {
            case EventKind.TaskScheduled:
                Opened(
                    new ScheduleTaskAction(
                        happened.TaskId,
                        happened.Name ?? string.Empty,
                        null,
                        happened.Detail?.Version,
                        happened.Detail?.Tags
                    )
                );
                break;
            case EventKind.SubOrchestrationInstanceCreated:
                Opened(
                    new StartChildAction(
                        happened.TaskId,
                        happened.Name ?? string.Empty,
                        happened.Detail?.InstanceId ?? string.Empty,
                        happened.Data,
                        happened.Detail?.Version,
                        happened.Detail?.Tags
                    )
                );
                break;
            case EventKind.TimerCreated:
                Opened(new CreateTimerAction(happened.TaskId, happened.Detail?.FireAt ?? happened.At));
                break;
            case EventKind.TaskCompleted
            or EventKind.TaskFailed
            or EventKind.TimerFired
            or EventKind.SubOrchestrationInstanceCompleted
            or EventKind.SubOrchestrationInstanceFailed:
                open.Remove(happened.TaskId);
                openTimers.Remove(happened.TaskId);
                break;
            case EventKind.ExecutionSuspended or EventKind.ExecutionResumed:
                Suspended = happened.Kind == EventKind.ExecutionSuspended;
                SuspendReason = happened.Data;
                break;
        }
    }

    private void Opened(OrchestratorAction action)
    {
        open[action.TaskId] = action;
        if (action is CreateTimerAction timer)
        {
            openTimers[timer.TaskId] = timer;
        }
    }

    // The SDK hands an activity's input as an array of one.
    private static string? Single(string? array)
    {
        ReadOnlySpan<char> text = array.AsSpan().Trim();
        return text is ['[', .., ']'] ? text[1..^1].Trim().ToString() : array;
    }

    private static string? Text(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static Dictionary<string, string>? Tags(IDictionary<string, string> tags) =>
        tags.Count > 0 ? new Dictionary<string, string>(tags) : null;
}

/// <summary>What an execution is: fixed at its start.</summary>
internal sealed record ReplayHeader(string InstanceId, string ExecutionId, string Name, string? Version, string? Input, ParentLink? Parent);

/// <summary>What a turn produced.</summary>
/// <param name="Actions">New calls, in order.</param>
/// <param name="CustomStatusChanged">Whether the custom status was set in this turn.</param>
/// <param name="CustomStatus">The custom status as JSON text.</param>
/// <param name="Ending">How the execution ended, or null when it waits.</param>
internal sealed record TurnOutcome(
    IReadOnlyList<OrchestratorAction> Actions,
    bool CustomStatusChanged,
    string? CustomStatus,
    TurnEnding? Ending
)
{
    /// <summary>Events to carry into the next execution.</summary>
    public IReadOnlyList<HistoryEvent> UnreadEvents { get; init; } = [];
}

/// <summary>How an execution ended.</summary>
/// <param name="Output">Result as JSON text, or the text of the failure.</param>
/// <param name="Failed">The failure, or null.</param>
/// <param name="OutputIsText">Whether <paramref name="Output"/> is plain text.</param>
/// <param name="Continuation">The next execution, when it continued as new.</param>
internal sealed record TurnEnding(string? Output, FailureInfo? Failed, bool OutputIsText, ContinueAsNewRequest? Continuation)
{
    /// <summary>A failure the orchestrator did not handle: output is its type and message.</summary>
    public static TurnEnding Failure(FailureInfo failure) => new($"{failure.ErrorType}: {failure.ErrorMessage}", failure, true, null);

    /// <summary>A failure reported as the object the official host writes for functions it could not run to an answer.</summary>
    public static TurnEnding Unusable(string message, string? details) =>
        new(
            System.Text.Json.JsonSerializer.Serialize(new { message, details }, JsonText.Relaxed),
            new FailureInfo("(unknown)", message),
            false,
            null
        );
}
