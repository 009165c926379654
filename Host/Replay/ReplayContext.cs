using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Durable.Host.History;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Replay;

/// <summary>The context an orchestrator function sees. Calls become numbered actions; results complete the tasks handed out for them.</summary>
/// <remarks>Numbers are given in call order and are what history is matched by, so the same code over the same history gives the same numbers.</remarks>
internal sealed class ReplayContext(ReplayHeader header, OrchestratorThread thread, DataConverter converter, ILoggerFactory loggers) : TaskOrchestrationContext
{
    private static readonly Guid GuidNamespace = new("9e952958-5e33-4daf-827f-2fa12937b875");
    private readonly Dictionary<string, List<EventWait>> waits = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Queue<string?>> earlyEvents = new(StringComparer.OrdinalIgnoreCase);
    private int nextTaskId;
    private int guidCount;

    /// <summary>Calls not yet answered: activities, children and timers, by sequence number.</summary>
    public Dictionary<int, OpenTask> OpenTasks { get; } = [];

    /// <summary>The open timers among them.</summary>
    public Dictionary<int, CreateTimerAction> OpenTimers { get; } = [];

    /// <summary>Actions of this turn (or, during a replay, those the history has not confirmed yet), in call order.</summary>
    public SortedDictionary<int, OrchestratorAction> Actions { get; } = [];

    /// <summary>Set when the orchestrator asked to continue as new; the last call counts.</summary>
    public ContinueAsNewRequest? Continuation { get; private set; }

    /// <summary>Custom status as JSON text; null until set, and again after being set to null.</summary>
    public string? CustomStatus { get; private set; }

    /// <summary>Whether the custom status was set since the last call of <see cref="TakeCustomStatusChange"/>.</summary>
    private bool customStatusChanged;

    /// <summary>Turn time, UTC. The same for every event of a turn, so replays see the same.</summary>
    public DateTime Now { get; set; }

    /// <summary>Whether the events being handled are history.</summary>
    public bool Replaying { get; set; }

    /// <inheritdoc />
    public override TaskName Name => header.Name;

    /// <inheritdoc />
    public override string InstanceId => header.InstanceId;

    /// <inheritdoc />
    public override ParentOrchestrationInstance? Parent { get; } = header.Parent is { } parent ? new ParentOrchestrationInstance(parent.Name, parent.InstanceId) : null;

    /// <inheritdoc />
    public override DateTime CurrentUtcDateTime => Now;

    /// <inheritdoc />
    public override bool IsReplaying => Replaying;

    /// <inheritdoc />
    public override string Version => header.Version ?? string.Empty;

    /// <inheritdoc />
    protected override ILoggerFactory LoggerFactory => loggers;

    /// <summary>Whether the custom status was set in this turn; asking resets the answer.</summary>
    public bool TakeCustomStatusChange()
    {
        bool changed = customStatusChanged;
        customStatusChanged = false;
        return changed;
    }

    /// <inheritdoc />
    public override T GetInput<T>() => header.Input is null ? default! : (T)converter.Deserialize(header.Input, typeof(T))!;

    /// <inheritdoc />
    public override Task<TResult> CallActivityAsync<TResult>(TaskName name, object? input = null, TaskOptions? options = null)
    {
        Guard();
        string? serialized = converter.Serialize(input);
        return Attempts.RunAsync(this, options?.Retry, first => Schedule<TResult>(
            new ScheduleTaskAction(nextTaskId++, name.Name, serialized, VersionOf(options), ReadOnly(options?.Tags), first)));
    }

    /// <inheritdoc />
    public override Task<TResult> CallSubOrchestratorAsync<TResult>(TaskName orchestratorName, object? input = null, TaskOptions? options = null)
    {
        Guard();
        SubOrchestrationOptions? child = options as SubOrchestrationOptions;
        string instanceId = string.IsNullOrEmpty(child?.InstanceId) ? NewGuid().ToString("N") : child.InstanceId;
        string? version = child?.Version?.Version ?? VersionOf(options);
        string? serialized = converter.Serialize(input);
        return Attempts.RunAsync(this, options?.Retry, first => Schedule<TResult>(
            new StartChildAction(nextTaskId++, orchestratorName.Name, instanceId, serialized, version, ReadOnly(options?.Tags), first)));
    }

    /// <inheritdoc />
    public override Task CreateTimer(DateTime fireAt, CancellationToken cancellationToken) => CreateTimer(fireAt, null, cancellationToken);

    /// <summary>A timer; <paramref name="retryOf"/> marks the wait before a further attempt.</summary>
    public Task CreateTimer(DateTime fireAt, int? retryOf, CancellationToken cancellationToken)
    {
        Guard();
        DateTime utc = fireAt.Kind == DateTimeKind.Local ? fireAt.ToUniversalTime() : DateTime.SpecifyKind(fireAt, DateTimeKind.Utc);
        CreateTimerAction action = new(nextTaskId++, utc, retryOf);
        OpenTask<object?> open = new(action, converter);
        if (cancellationToken.IsCancellationRequested)
        {
            open.Cancel();
            return open.Task;
        }

        Actions.Add(action.TaskId, action);
        OpenTasks.Add(action.TaskId, open);
        OpenTimers.Add(action.TaskId, action);
        if (cancellationToken.CanBeCanceled)
        {
            // The token is cancelled by orchestrator code, so replays cancel at the same place; history keeps TimerCreated only.
            open.Registration = cancellationToken.Register(() =>
            {
                if (OpenTasks.Remove(action.TaskId))
                {
                    OpenTimers.Remove(action.TaskId);
                    open.Cancel();
                }
            });
        }

        return open.Task;
    }

    /// <inheritdoc />
    public override Task<T> WaitForExternalEvent<T>(string eventName, CancellationToken cancellationToken = default)
    {
        Guard();
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        EventWait<T> wait = new(converter);
        if (cancellationToken.IsCancellationRequested)
        {
            wait.Cancel();
            return wait.Task;
        }

        if (earlyEvents.TryGetValue(eventName, out Queue<string?>? early) && early.TryDequeue(out string? payload))
        {
            wait.Complete(payload);
            return wait.Task;
        }

        if (!waits.TryGetValue(eventName, out List<EventWait>? waiting))
        {
            waits[eventName] = waiting = [];
        }

        waiting.Add(wait);
        if (cancellationToken.CanBeCanceled)
        {
            wait.Registration = cancellationToken.Register(() =>
            {
                if (waiting.Remove(wait))
                {
                    wait.Cancel();
                }
            });
        }

        return wait.Task;
    }

    /// <inheritdoc />
    public override void SendEvent(string instanceId, string eventName, object payload)
    {
        Guard();
        SendEventAction action = new(nextTaskId++, instanceId, eventName, converter.Serialize(payload));
        Actions.Add(action.TaskId, action);
    }

    /// <inheritdoc />
    public override void SetCustomStatus(object? customStatus)
    {
        Guard();
        CustomStatus = converter.Serialize(customStatus);
        customStatusChanged = true;
    }

    /// <inheritdoc />
    public override void ContinueAsNew(object? newInput = null, bool preserveUnprocessedEvents = true) =>
        ContinueAsNew(new ContinueAsNewOptions { NewInput = newInput, PreserveUnprocessedEvents = preserveUnprocessedEvents });

    /// <inheritdoc />
    public override void ContinueAsNew(ContinueAsNewOptions options)
    {
        Guard();
        Continuation = new ContinueAsNewRequest(converter.Serialize(options.NewInput), options.PreserveUnprocessedEvents, options.NewVersion);
    }

    /// <inheritdoc />
    /// <remarks>Version 5 (RFC 4122) of instance id, turn time and a count, as the official worker derives it.</remarks>
    public override Guid NewGuid()
    {
        Guard();
        string name = string.Create(CultureInfo.InvariantCulture, $"{InstanceId}_{Now:o}_{guidCount++}");
        Span<byte> hash = stackalloc byte[20];
        byte[] text = Encoding.UTF8.GetBytes(name);
        byte[] all = new byte[16 + text.Length];
        GuidNamespace.TryWriteBytes(all, bigEndian: true, out _);
        text.CopyTo(all, 16);
#pragma warning disable CA5350 // RFC 4122 version 5 is defined over SHA-1; nothing here is a secret.
        SHA1.HashData(all, hash);
#pragma warning restore CA5350
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>Hands an event to the latest wait for its name, or keeps it for a later one.</summary>
    public void RaiseEvent(string name, string? payload)
    {
        if (waits.TryGetValue(name, out List<EventWait>? waiting) && waiting.Count > 0)
        {
            EventWait last = waiting[^1];
            waiting.RemoveAt(waiting.Count - 1);
            last.Complete(payload);
            return;
        }

        if (!earlyEvents.TryGetValue(name, out Queue<string?>? queue))
        {
            earlyEvents[name] = queue = new Queue<string?>();
        }

        queue.Enqueue(payload);
    }

    /// <summary>Events that arrived and were not waited for, in order per name; they move on with ContinueAsNew.</summary>
    public IEnumerable<(string Name, string? Payload)> UnreadEvents() =>
        earlyEvents.SelectMany(pair => pair.Value.Select(payload => (pair.Key, payload)));

    private static string? VersionOf(TaskOptions? options) => options?.Version?.Version;

    private static Dictionary<string, string>? ReadOnly(IDictionary<string, string>? tags) =>
        tags is { Count: > 0 } ? new Dictionary<string, string>(tags) : null;

    private Attempt<TResult> Schedule<TResult>(OrchestratorAction action)
    {
        OpenTask<TResult> open = new(action, converter);
        Actions.Add(action.TaskId, action);
        OpenTasks.Add(action.TaskId, open);
        return new Attempt<TResult>(action.TaskId, open.Task);
    }

    private void Guard()
    {
        if (!thread.IsCurrent)
        {
            throw new InvalidOperationException(
                "The orchestration context was used off the orchestrator's thread. Orchestrator code may await only tasks of its context: "
                + "no Task.Run, no Task.Delay, no ConfigureAwait(false), no I/O.");
        }
    }
}

/// <summary>What an execution is: fixed at its start.</summary>
internal sealed record ReplayHeader(string InstanceId, string Name, string? Version, string? Input, ParentLink? Parent);
