using System.Collections.Immutable;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>One invocation of a function.</summary>
public abstract class FunctionContext
{
    /// <summary>Unique per invocation.</summary>
    public abstract string InvocationId { get; }

    /// <summary>Stable per function.</summary>
    public abstract string FunctionId { get; }

    /// <summary>W3C trace of the caller.</summary>
    public abstract TraceContext TraceContext { get; }

    /// <summary>Values of the trigger by name.</summary>
    public abstract BindingContext BindingContext { get; }

    /// <summary>How often this invocation was tried before.</summary>
    public abstract RetryContext RetryContext { get; }

    /// <summary>Services of this invocation's scope.</summary>
    public abstract IServiceProvider InstanceServices { get; set; }

    /// <summary>The function.</summary>
    public abstract FunctionDefinition FunctionDefinition { get; }

    /// <summary>What middleware and function share within this invocation.</summary>
    public abstract IDictionary<object, object> Items { get; set; }

    /// <summary>Features of this invocation.</summary>
    public abstract IInvocationFeatures Features { get; }

    /// <summary>Signalled when the host stops or the caller goes away.</summary>
    public virtual CancellationToken CancellationToken { get; }
}

/// <summary>Values of a trigger.</summary>
public abstract class BindingContext
{
    /// <summary>Values by name.</summary>
    public abstract IReadOnlyDictionary<string, object?> BindingData { get; }
}

/// <summary>Direction of a binding.</summary>
public enum BindingDirection
{
    /// <summary>Into the function.</summary>
    In = 0,

    /// <summary>Out of the function.</summary>
    Out = 1,
}

/// <summary>One binding of a function.</summary>
public abstract class BindingMetadata
{
    /// <summary>Name of the parameter, or <c>$return</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Type as the host spells it: <c>httpTrigger</c>, <c>activityTrigger</c>.</summary>
    public abstract string Type { get; }

    /// <summary>Direction.</summary>
    public abstract BindingDirection Direction { get; }
}

/// <summary>What a function looks like.</summary>
public abstract class FunctionDefinition
{
    /// <summary>Parameters in order.</summary>
    public abstract ImmutableArray<FunctionParameter> Parameters { get; }

    /// <summary>File of the assembly.</summary>
    public abstract string PathToAssembly { get; }

    /// <summary>Namespace, class and method.</summary>
    public abstract string EntryPoint { get; }

    /// <summary>Stable id.</summary>
    public abstract string Id { get; }

    /// <summary>Name in the spelling of the attribute.</summary>
    public abstract string Name { get; }

    /// <summary>Inputs by parameter name, the trigger among them.</summary>
    public abstract IImmutableDictionary<string, BindingMetadata> InputBindings { get; }

    /// <summary>Outputs by name.</summary>
    public abstract IImmutableDictionary<string, BindingMetadata> OutputBindings { get; }
}

/// <summary>One parameter of a function.</summary>
public class FunctionParameter
{
    /// <summary>A parameter without a default.</summary>
    public FunctionParameter(string name, Type type)
        : this(name, type, false, null)
    {
    }

    /// <summary>A parameter that may have a default.</summary>
    public FunctionParameter(string name, Type type, bool hasDefaultValue, object? defaultValue)
    {
        Name = name;
        Type = type;
        HasDefaultValue = hasDefaultValue;
        DefaultValue = defaultValue;
    }

    /// <summary>Name.</summary>
    public string Name { get; }

    /// <summary>Type.</summary>
    public Type Type { get; }

    /// <summary>Whether a value may be left out.</summary>
    public bool HasDefaultValue { get; }

    /// <summary>Value when it is left out.</summary>
    public object? DefaultValue { get; }
}

/// <summary>Features of one invocation by type.</summary>
public interface IInvocationFeatures : IEnumerable<KeyValuePair<Type, object>>
{
    /// <summary>Sets a feature; null removes it.</summary>
    void Set<T>(T instance);

    /// <summary>The feature, or the default of its type.</summary>
    T? Get<T>();
}

/// <summary>How often an invocation was tried.</summary>
public abstract class RetryContext
{
    /// <summary>Earlier attempts.</summary>
    public abstract int RetryCount { get; }

    /// <summary>Most attempts after the first; 0 without a limit of the function's own.</summary>
    public abstract int MaxRetryCount { get; }
}

/// <summary>W3C trace context.</summary>
public abstract class TraceContext
{
    /// <summary>Trace parent.</summary>
    public abstract string TraceParent { get; }

    /// <summary>Trace state.</summary>
    public abstract string TraceState { get; }
}

/// <summary>The worker could not run a function.</summary>
public class FunctionWorkerException : Exception
{
    /// <inheritdoc/>
    public FunctionWorkerException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public FunctionWorkerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>An input does not fit its parameter.</summary>
public class FunctionInputConverterException : FunctionWorkerException
{
    /// <inheritdoc/>
    public FunctionInputConverterException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public FunctionInputConverterException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
