using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask;

/// <summary>What an orchestrator may do: call, wait, time, signal. Everything here is recorded and replayed; everything else must be deterministic.</summary>
public abstract class TaskOrchestrationContext
{
    /// <summary>Name of the orchestration.</summary>
    public abstract TaskName Name { get; }

    /// <summary>Id of the instance.</summary>
    public abstract string InstanceId { get; }

    /// <summary>The calling orchestration, or null.</summary>
    public abstract ParentOrchestrationInstance? Parent { get; }

    /// <summary>Time of the present turn, UTC; the same on every replay.</summary>
    public abstract DateTime CurrentUtcDateTime { get; }

    /// <summary>Whether the code runs over steps it has taken before.</summary>
    public abstract bool IsReplaying { get; }

    /// <summary>Version of the instance; empty when unversioned.</summary>
    public virtual string Version => string.Empty;

    /// <summary>Properties of the host; empty here.</summary>
    public virtual IReadOnlyDictionary<string, object?> Properties { get; } = new Dictionary<string, object?>();

    /// <summary>Loggers that stay silent during replays.</summary>
    public virtual ILoggerFactory ReplaySafeLoggerFactory => field ??= new SilentOnReplayFactory(this);

    /// <summary>Loggers of the host.</summary>
    protected abstract ILoggerFactory LoggerFactory { get; }

    /// <summary>The input, or default without one.</summary>
    public abstract T? GetInput<T>();

    /// <summary>Calls an activity without a result.</summary>
    public virtual Task CallActivityAsync(TaskName name, object? input = null, TaskOptions? options = null) => CallActivityAsync<object>(name, input, options);

    /// <summary>Calls an activity without input and result.</summary>
    public virtual Task CallActivityAsync(TaskName name, TaskOptions options) => CallActivityAsync(name, null, options);

    /// <summary>Calls an activity without input.</summary>
    public virtual Task<TResult> CallActivityAsync<TResult>(TaskName name, TaskOptions options) => CallActivityAsync<TResult>(name, null, options);

    /// <summary>Calls an activity: at least once, its result used once.</summary>
    /// <exception cref="TaskFailedException">From the awaited task: the last attempt failed.</exception>
    public abstract Task<TResult> CallActivityAsync<TResult>(TaskName name, object? input = null, TaskOptions? options = null);

    /// <summary>A durable timer that fires after <paramref name="delay"/>.</summary>
    public virtual Task CreateTimer(TimeSpan delay, CancellationToken cancellationToken) => CreateTimer(CurrentUtcDateTime + delay, cancellationToken);

    /// <summary>A durable timer that fires at <paramref name="fireAt"/> (UTC). An open timer keeps the instance from completing: cancel it.</summary>
    public abstract Task CreateTimer(DateTime fireAt, CancellationToken cancellationToken);

    /// <summary>Waits for an event sent to this instance. Events that came earlier are given first.</summary>
    public abstract Task<T> WaitForExternalEvent<T>(string eventName, CancellationToken cancellationToken = default);

    /// <summary>Waits for an event at most <paramref name="timeout"/>.</summary>
    /// <exception cref="TaskCanceledException">From the awaited task: no event came in time.</exception>
    public Task<T> WaitForExternalEvent<T>(string eventName, TimeSpan timeout) => WaitForExternalEvent<T>(eventName, timeout, CancellationToken.None);

    /// <summary>Waits for an event at most <paramref name="timeout"/>, or until cancelled.</summary>
    /// <exception cref="TaskCanceledException">From the awaited task: no event came in time.</exception>
    public async Task<T> WaitForExternalEvent<T>(string eventName, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timerEnd = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using CancellationTokenSource waitEnd = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task timer = CreateTimer(timeout, timerEnd.Token);
        Task<T> wait = WaitForExternalEvent<T>(eventName, waitEnd.Token);
        Task first = await Task.WhenAny(timer, wait);
        if (first == wait)
        {
            timerEnd.Cancel();
        }
        else
        {
            waitEnd.Cancel();
        }

        return await wait;
    }

    /// <summary>Sends an event to another instance; nobody learns whether it exists.</summary>
    public abstract void SendEvent(string instanceId, string eventName, object payload);

    /// <summary>Sets what status queries show of this instance.</summary>
    public abstract void SetCustomStatus(object? customStatus);

    /// <summary>Runs another orchestration as a child and waits for its result.</summary>
    /// <exception cref="TaskFailedException">From the awaited task: the child failed or was terminated.</exception>
    public abstract Task<TResult> CallSubOrchestratorAsync<TResult>(TaskName orchestratorName, object? input = null, TaskOptions? options = null);

    /// <summary>Runs a child without input.</summary>
    public virtual Task<TResult> CallSubOrchestratorAsync<TResult>(TaskName orchestratorName, TaskOptions options) => CallSubOrchestratorAsync<TResult>(orchestratorName, null, options);

    /// <summary>Runs a child without input and result.</summary>
    public virtual Task CallSubOrchestratorAsync(TaskName orchestratorName, TaskOptions options) => CallSubOrchestratorAsync(orchestratorName, null, options);

    /// <summary>Runs a child without result.</summary>
    public virtual Task CallSubOrchestratorAsync(TaskName orchestratorName, object? input = null, TaskOptions? options = null) =>
        CallSubOrchestratorAsync<object>(orchestratorName, input, options);

    /// <summary>Ends this execution and starts over with a fresh history; return right after it.</summary>
    public abstract void ContinueAsNew(object? newInput = null, bool preserveUnprocessedEvents = true);

    /// <summary>Ends this execution and starts over with a fresh history; return right after it.</summary>
    public virtual void ContinueAsNew(ContinueAsNewOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ContinueAsNew(options.NewInput, options.PreserveUnprocessedEvents);
    }

    /// <summary>A Guid that is the same on every replay.</summary>
    public abstract Guid NewGuid();

    /// <summary>A logger that stays silent during replays.</summary>
    public virtual ILogger CreateReplaySafeLogger(string categoryName) => new SilentOnReplay(this, LoggerFactory.CreateLogger(categoryName));

    /// <summary>A logger that stays silent during replays.</summary>
    public virtual ILogger CreateReplaySafeLogger(Type type) => new SilentOnReplay(this, LoggerFactory.CreateLogger(type));

    /// <summary>A logger that stays silent during replays.</summary>
    public virtual ILogger CreateReplaySafeLogger<T>() => new SilentOnReplay(this, LoggerFactory.CreateLogger<T>());

    /// <summary>Compares this instance's version: below zero when it is older than <paramref name="version"/>.</summary>
    public virtual int CompareVersionTo(string version) => Abstractions.TaskOrchestrationVersioningUtils.CompareVersions(Version, version);

    private sealed class SilentOnReplay(TaskOrchestrationContext context, ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => !context.IsReplaying && inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }

    private sealed class SilentOnReplayFactory(TaskOrchestrationContext context) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider) => context.LoggerFactory.AddProvider(provider);

        public ILogger CreateLogger(string categoryName) => context.CreateReplaySafeLogger(categoryName);

        public void Dispose()
        {
        }
    }
}
