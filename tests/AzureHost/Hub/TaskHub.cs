using Google.Protobuf.WellKnownTypes;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Hub;

/// <summary>
/// A task hub in memory that runs orchestrations turn by turn in the worker, as the durable extension does with extended sessions
/// (<c>host.json</c>): the worker keeps the code of an instance in memory and gets what is new. Timers run <see cref="Speed"/> times as
/// fast.
/// </summary>
internal sealed class TaskHub(DurableCalls calls) : IDisposable
{
    /// <summary>The longest custom status that the extension keeps, in UTF-16 characters: a longer one fails the orchestration.</summary>
    private const int LongestCustomStatus = 8191;

    private const int Speed = 20;
    private readonly Lock gate = new();
    private readonly Dictionary<string, HubInstance> instances = [];
    private readonly List<HubInstance> runs = [];
    private readonly CancellationTokenSource ending = new();

    /// <summary>Every run, oldest first, including replaced and purged ones.</summary>
    public IReadOnlyList<HubInstance> Runs
    {
        get
        {
            lock (gate)
                return [.. runs];
        }
    }

    /// <summary>All instances.</summary>
    public IReadOnlyList<HubInstance> Instances
    {
        get
        {
            lock (gate)
                return [.. instances.Values];
        }
    }

    /// <summary>Starts an instance. One of the same id that has ended is replaced.</summary>
    /// <returns>False when one of that id has not ended, or has ended in a status that is not <paramref name="replaceable"/>.</returns>
    public bool Start(
        string instanceId,
        string name,
        string? input,
        ParentInstanceInfo? parent = null,
        IReadOnlyCollection<OrchestrationStatus>? replaceable = null
    )
    {
        HubInstance instance = new(instanceId, name, input, parent);
        lock (gate)
        {
            if (instances.TryGetValue(instanceId, out HubInstance? old) && (!old.HasEnded || replaceable?.Contains(old.Status) == false))
                return false;
            instances[instanceId] = instance;
            runs.Add(instance);
        }

        Post(instance, Events.ExecutionStarted(instance));
        return true;
    }

    public HubInstance? Find(string instanceId)
    {
        lock (gate)
            return instances.GetValueOrDefault(instanceId);
    }

    /// <summary>Events that an instance's code has seen.</summary>
    public IReadOnlyList<HistoryEvent> ReadHistory(HubInstance instance)
    {
        lock (gate)
            return [.. instance.History];
    }

    /// <summary>Puts an event into the inbox and starts a turn unless one is running. Ended instances take no events.</summary>
    public void Post(HubInstance instance, HistoryEvent message)
    {
        lock (gate)
        {
            if (instance.HasEnded)
                return;
            instance.Inbox.Add(message);
            if (instance.IsTurning)
                return;
            instance.IsTurning = true;
        }

        _ = Task.Run(() => TurnAsync(instance));
    }

    /// <summary>Ends an instance without running its code again, as the extension does.</summary>
    public void Terminate(HubInstance instance, string? output) => End(instance, OrchestrationStatus.Terminated, output, null);

    /// <summary>Removes an ended instance.</summary>
    public bool Purge(string instanceId)
    {
        lock (gate)
            return instances.TryGetValue(instanceId, out HubInstance? instance) && instance.HasEnded && instances.Remove(instanceId);
    }

    public void Dispose()
    {
        ending.Cancel();
        ending.Dispose();
    }

    private async Task TurnAsync(HubInstance instance)
    {
        try
        {
            while (Take(instance) is { } request)
            {
                Apply(instance, request, await RunAsync(instance, request));
            }
        }
        catch (Exception e) when (!ending.IsCancellationRequested)
        {
            End(
                instance,
                OrchestrationStatus.Failed,
                null,
                new TaskFailureDetails
                {
                    ErrorType = e.GetType().FullName,
                    ErrorMessage = e.Message,
                    StackTrace = e.StackTrace,
                }
            );
        }
    }

    private async Task<OrchestratorResponse> RunAsync(HubInstance instance, OrchestratorRequest request)
    {
        OrchestratorResponse response = await calls.TurnAsync(instance.Name, InSession(request, instance.HasSession));
        if (response.RequiresHistory)
            response = await calls.TurnAsync(instance.Name, InSession(request, isKept: false));
        instance.HasSession = true;
        return response;
    }

    private static OrchestratorRequest InSession(OrchestratorRequest request, bool isKept)
    {
        OrchestratorRequest turn = request.Clone();
        if (isKept)
            turn.PastEvents.Clear();
        turn.Properties["IsExtendedSession"] = Value.ForBool(true);
        turn.Properties["ExtendedSessionIdleTimeoutInSeconds"] = Value.ForNumber(30);
        turn.Properties["IncludeState"] = Value.ForBool(!isKept);
        return turn;
    }

    private OrchestratorRequest? Take(HubInstance instance)
    {
        lock (gate)
        {
            if (instance.HasEnded || instance.Inbox.Count == 0)
            {
                instance.IsTurning = false;
                return null;
            }

            OrchestratorRequest request = new() { InstanceId = instance.InstanceId, ExecutionId = instance.ExecutionId };
            request.PastEvents.Add(instance.History);
            request.NewEvents.Add(Events.TurnStarted());
            request.NewEvents.Add(instance.Inbox);
            instance.Inbox.Clear();
            return request;
        }
    }

    private void Apply(HubInstance instance, OrchestratorRequest request, OrchestratorResponse response)
    {
        lock (gate)
        {
            if (instance.HasEnded)
                return; // terminated meanwhile
            instance.Turns.Add((request, response));
            instance.History.AddRange(request.NewEvents);
            instance.History.AddRange(response.Actions.Select(Events.Of).OfType<HistoryEvent>());
            instance.History.Add(Events.TurnCompleted());
            (instance.Status, instance.CustomStatus, instance.UpdatedAt) = (
                OrchestrationStatus.Running,
                response.CustomStatus,
                DateTime.UtcNow
            );
        }

        instance.Started.TrySetResult();
        if (response.CustomStatus?.Length > LongestCustomStatus)
        {
            End(
                instance,
                OrchestrationStatus.Failed,
                null,
                new TaskFailureDetails { ErrorType = "System.ArgumentException", ErrorMessage = "CustomStatus is too large" }
            );
            return;
        }

        foreach (OrchestratorAction action in response.Actions)
            Perform(instance, action);
    }

    private void Perform(HubInstance instance, OrchestratorAction action)
    {
        switch (action.OrchestratorActionTypeCase)
        {
            case OrchestratorAction.OrchestratorActionTypeOneofCase.ScheduleTask:
                _ = Task.Run(async () =>
                {
                    (string? result, TaskFailureDetails? failure) = await calls.ActivityAsync(
                        action.ScheduleTask.Name,
                        instance.InstanceId,
                        action.ScheduleTask.Input
                    );
                    Post(instance, Events.Answer(action.Id, result, failure));
                });
                break;
            case OrchestratorAction.OrchestratorActionTypeOneofCase.CreateSubOrchestration:
                CreateSubOrchestrationAction child = action.CreateSubOrchestration;
                Start(
                    child.InstanceId,
                    child.Name,
                    child.Input,
                    new ParentInstanceInfo
                    {
                        TaskScheduledId = action.Id,
                        Name = instance.Name,
                        OrchestrationInstance = new OrchestrationInstance
                        {
                            InstanceId = instance.InstanceId,
                            ExecutionId = instance.ExecutionId,
                        },
                    }
                );
                break;
            case OrchestratorAction.OrchestratorActionTypeOneofCase.CreateTimer:
                _ = FireAsync(instance, action.Id, action.CreateTimer.FireAt);
                break;
            case OrchestratorAction.OrchestratorActionTypeOneofCase.SendEvent:
                if (Find(action.SendEvent.Instance.InstanceId) is { } target)
                    Post(target, Events.Raised(action.SendEvent.Name, action.SendEvent.Data));
                break;
            case OrchestratorAction.OrchestratorActionTypeOneofCase.CompleteOrchestration:
                Complete(instance, action.CompleteOrchestration);
                break;
        }
    }

    private void Complete(HubInstance instance, CompleteOrchestrationAction end)
    {
        if (end.OrchestrationStatus != OrchestrationStatus.ContinuedAsNew)
        {
            End(instance, end.OrchestrationStatus, end.Result, end.FailureDetails);
            return;
        }

        lock (gate)
        {
            (instance.Input, instance.ExecutionId) = (end.Result, Guid.NewGuid().ToString("N"));
            instance.HasSession = false;
            instance.History.Clear();
            instance.Inbox.InsertRange(0, [Events.ExecutionStarted(instance), .. end.CarryoverEvents]);
        }
    }

    private void End(HubInstance instance, OrchestrationStatus status, string? output, TaskFailureDetails? failure)
    {
        lock (gate)
        {
            if (instance.HasEnded)
                return;
            (instance.Status, instance.Output, instance.Failure, instance.UpdatedAt) = (
                status,
                output ?? failure?.ErrorMessage,
                failure,
                DateTime.UtcNow
            );
            instance.IsTurning = false;
        }

        instance.Started.TrySetResult();
        instance.Ended.TrySetResult();
        if (instance.Parent is { } parent && Find(parent.OrchestrationInstance.InstanceId) is { } waiting)
        {
            TaskFailureDetails? reason =
                status == OrchestrationStatus.Completed ? null : failure ?? new TaskFailureDetails { ErrorMessage = $"{status}" };
            Post(waiting, Events.ChildEnded(parent.TaskScheduledId, output, reason));
        }
    }

    private async Task FireAsync(HubInstance instance, int timerId, Timestamp fireAt)
    {
        TimeSpan due = fireAt.ToDateTime() - DateTime.UtcNow;
        try
        {
            if (due > TimeSpan.Zero)
                await Task.Delay(due / Speed, ending.Token);
            Post(instance, Events.TimerFired(timerId, fireAt));
        }
        catch (OperationCanceledException)
        {
            // The hub is gone.
        }
    }
}
