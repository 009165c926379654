using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Durable.Host.Telemetry;

/// <summary>
/// Traces and metrics of the host. Names are public: dashboards depend on them. Costs almost nothing without a listener. Times are in
/// seconds, by OpenTelemetry's conventions.
/// </summary>
internal static class DurableTelemetry
{
    /// <summary>Source of the spans <c>create_orchestration:&lt;name&gt;</c>, <c>orchestration:&lt;name&gt;</c>,
    /// <c>activity:&lt;name&gt;</c> and <c>timer:&lt;name&gt;</c>.</summary>
    public const string SourceName = "Microsoft.DurableTask";

    /// <summary>Meter of every instrument below.</summary>
    public const string MeterName = "Durable.Host";

    private const string Function = "durabletask.task.name";

    private static readonly ActivitySource Source = new(SourceName);
    private static readonly Meter Numbers = new(MeterName);

    private static readonly Counter<long> Turns = Numbers.CreateCounter<long>("durable.turns", "{turn}", "Orchestrator turns run.");
    private static readonly Histogram<double> TurnTime = Numbers.CreateHistogram<double>(
        "durable.turn.duration",
        "s",
        "Time an orchestrator turn computed."
    );
    private static readonly Counter<long> Started = Numbers.CreateCounter<long>(
        "durable.activities.started",
        "{activity}",
        "Activities called."
    );
    private static readonly Counter<long> Completed = Numbers.CreateCounter<long>(
        "durable.activities.completed",
        "{activity}",
        "Activities that returned."
    );
    private static readonly Counter<long> Failed = Numbers.CreateCounter<long>(
        "durable.activities.failed",
        "{activity}",
        "Activities that threw."
    );
    private static readonly Histogram<double> ActivityTime = Numbers.CreateHistogram<double>(
        "durable.activity.duration",
        "s",
        "Time an activity ran."
    );
    private static readonly Histogram<long> BatchSize = Numbers.CreateHistogram<long>(
        "durable.commit.batch_size",
        "{write}",
        "Turns and results in one commit."
    );
    private static readonly Histogram<double> CommitTime = Numbers.CreateHistogram<double>(
        "durable.commit.duration",
        "s",
        "Time of one commit."
    );
    private static readonly Counter<long> Recovered = Numbers.CreateCounter<long>(
        "durable.leases.recovered",
        "{lease}",
        "Work taken over from dead hosts."
    );
    private static readonly Counter<long> TimersFired = Numbers.CreateCounter<long>(
        "durable.timers.fired",
        "{occurrence}",
        "Timer functions called."
    );
    private static readonly Histogram<double> Lateness = Numbers.CreateHistogram<double>(
        "durable.timer.lateness",
        "s",
        "From a timer's occurrence to its call."
    );

    /// <summary>Span of one orchestrator turn; null without a listener.</summary>
    /// <param name="name">Function name.</param>
    /// <param name="instanceId">Instance.</param>
    /// <param name="traceParent">W3C traceparent of the instance's starter; without a valid one the span is a root.</param>
    public static Activity? StartOrchestrationSpan(string name, string instanceId, string? traceParent) =>
        Start("orchestration", name, traceParent)?.SetTag("durabletask.task.instance_id", instanceId);

    /// <summary>Span of a client creating an instance; its id is the parent of the instance's spans.</summary>
    /// <param name="name">Orchestrator to start.</param>
    /// <param name="instanceId">Instance.</param>
    /// <param name="traceParent">W3C traceparent of the caller; without a valid one the span is a root.</param>
    public static Activity? StartCreateSpan(string name, string instanceId, string? traceParent) =>
        Start("create_orchestration", name, traceParent, ActivityKind.Producer)?.SetTag("durabletask.task.instance_id", instanceId);

    /// <summary>Span of one activity call; its id is <c>Activity.Id</c>, for its children.</summary>
    /// <inheritdoc cref="StartOrchestrationSpan"/>
    public static Activity? StartActivitySpan(string name, string instanceId, int taskId, string? traceParent)
    {
        if (Started.Enabled)
            Started.Add(1, new KeyValuePair<string, object?>(Function, name));
        return Start("activity", name, traceParent)
            ?.SetTag("durabletask.task.instance_id", instanceId)
            .SetTag("durabletask.task.task_id", taskId);
    }

    /// <summary>Span of one call of a timer function.</summary>
    public static Activity? StartTimerSpan(string name) => Start("timer", name, traceParent: null);

    /// <summary>A turn has been computed.</summary>
    public static void TurnRun(string name, TimeSpan duration)
    {
        KeyValuePair<string, object?> function = new(Function, name);
        Turns.Add(1, function);
        TurnTime.Record(duration.TotalSeconds, function);
    }

    /// <summary>An activity has returned or thrown.</summary>
    public static void ActivityEnded(string name, TimeSpan duration, bool failed)
    {
        KeyValuePair<string, object?> function = new(Function, name);
        (failed ? Failed : Completed).Add(1, function);
        ActivityTime.Record(duration.TotalSeconds, function);
    }

    /// <summary>One transaction of <paramref name="writes"/> turns and results has been committed.</summary>
    public static void CommitWritten(int writes, TimeSpan duration)
    {
        BatchSize.Record(writes);
        CommitTime.Record(duration.TotalSeconds);
    }

    /// <summary>Work of a dead host is free again.</summary>
    public static void LeasesRecovered(int count) => Recovered.Add(count);

    /// <summary>A timer function is about to be called, <paramref name="lateness"/> after its occurrence.</summary>
    public static void TimerFired(string name, TimeSpan lateness)
    {
        KeyValuePair<string, object?> function = new(Function, name);
        TimersFired.Add(1, function);
        Lateness.Record(Math.Max(0, lateness.TotalSeconds), function);
    }

    private static Activity? Start(string type, string name, string? traceParent, ActivityKind kind = ActivityKind.Server)
    {
        if (!Source.HasListeners())
            return null;
        ActivityContext.TryParse(traceParent, traceState: null, isRemote: true, out ActivityContext parent);
        return Source.StartActivity($"{type}:{name}", kind, parent)?.SetTag("durabletask.type", type).SetTag(Function, name);
    }
}
