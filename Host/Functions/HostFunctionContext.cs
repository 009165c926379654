using System.Diagnostics;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using RetryContext = Microsoft.Azure.Functions.Worker.RetryContext;

namespace Durable.Host.Functions;

/// <summary>One invocation. Created thousands of times a second, so rarely used parts are created on first use.</summary>
internal sealed class HostFunctionContext(FunctionEntry function, IServiceProvider services, BindingContext binding) : FunctionContext
{
    private string? invocationId;
    private IDictionary<object, object>? items;
    private InvocationFeatures? features;
    private TraceContext? trace;

    /// <summary>The called function.</summary>
    public FunctionEntry Function { get; } = function;

    /// <summary>Source of the trigger's values; null for an orchestrator, which is bound beforehand.</summary>
    public ITriggerSource? Source { get; init; }

    /// <summary>The orchestration, for an orchestrator.</summary>
    public TaskOrchestrationContext? Orchestration { get; init; }

    /// <summary>W3C trace parent of the caller; the current activity's when null.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Delivery number of this call, from 1.</summary>
    public int Deliveries { get; init; } = 1;

    /// <summary>Cancelled when the host stops, the request is aborted or the function times out.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>The function's result, or what a middleware replaced it with.</summary>
    public object? Result { get; set; }

    public override string InvocationId => invocationId ??= Guid.NewGuid().ToString();

    public override string FunctionId => Function.Definition.Id;

    public override TraceContext TraceContext => this.trace ??= new HostTraceContext(TraceParent);

    public override BindingContext BindingContext { get; } = binding;

    public override RetryContext RetryContext => Deliveries == 1 ? HostRetryContext.First : new HostRetryContext(Deliveries - 1);

    public override IServiceProvider InstanceServices { get; set; } = services;

    public override FunctionDefinition FunctionDefinition => Function.Definition;

    public override IDictionary<object, object> Items
    {
        get => items ??= new Dictionary<object, object>();
        set => items = value;
    }

    public override IInvocationFeatures Features => features ??= new InvocationFeatures();

    public override CancellationToken CancellationToken => Cancellation;
}

/// <summary>W3C trace parent of the caller, else of the current activity.</summary>
internal sealed class HostTraceContext(string? traceParent) : TraceContext
{
    public override string TraceParent => traceParent ?? Activity.Current?.Id ?? string.Empty;

    public override string TraceState => Activity.Current?.TraceStateString ?? string.Empty;
}

/// <summary>Earlier deliveries of this call: above zero, a host died during it.</summary>
internal sealed class HostRetryContext(int retryCount) : RetryContext
{
    /// <summary>First delivery.</summary>
    public static readonly HostRetryContext First = new(0);

    public override int RetryCount { get; } = retryCount;

    /// <summary>Redelivery has no limit of its own; always 0.</summary>
    public override int MaxRetryCount => 0;
}
