using System.Diagnostics;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using RetryContext = Microsoft.Azure.Functions.Worker.RetryContext;

namespace Durable.Host.Functions;

/// <summary>One invocation. Made cheaply and thousands of times a second: everything that few functions look at is made on first
/// use.</summary>
internal sealed class HostFunctionContext(FunctionEntry function, IServiceProvider services, BindingContext binding) : FunctionContext
{
    private string? invocationId;
    private IDictionary<object, object>? items;
    private InvocationFeatures? features;
    private TraceContext? trace;

    /// <summary>The function that is called.</summary>
    public FunctionEntry Function { get; } = function;

    /// <summary>Where the values of the trigger come from; null for an orchestrator, which is bound beforehand.</summary>
    public ITriggerSource? Source { get; init; }

    /// <summary>The orchestration, for an orchestrator.</summary>
    public TaskOrchestrationContext? Orchestration { get; init; }

    /// <summary>W3C trace parent of the caller; the current activity's when null.</summary>
    public string? TraceParent { get; init; }

    /// <summary>How often this call was delivered, counted from 1.</summary>
    public int Deliveries { get; init; } = 1;

    /// <summary>Signalled when the host stops, the request is aborted or the function overstays.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>Value the function returned, or that a middleware put in its place.</summary>
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

/// <summary>How often this call was delivered before: above zero an earlier host died under it.</summary>
internal sealed class HostRetryContext(int retryCount) : RetryContext
{
    /// <summary>First delivery.</summary>
    public static readonly HostRetryContext First = new(0);

    public override int RetryCount { get; } = retryCount;

    /// <summary>Redelivery has no limit of its own; always 0.</summary>
    public override int MaxRetryCount => 0;
}
