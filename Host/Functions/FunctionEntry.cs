using System.Reflection;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Durable.Host.Functions;

/// <summary>What starts a function.</summary>
internal enum FunctionKind
{
    /// <summary>Called by the engine, replayed.</summary>
    Orchestrator,

    /// <summary>Called by the engine, once or more per call.</summary>
    Activity,

    /// <summary>Called by an HTTP request.</summary>
    Http,

    /// <summary>Called by an NCRONTAB schedule.</summary>
    Timer,
}

/// <summary>Where the value of a parameter comes from.</summary>
internal enum ParameterSource
{
    /// <summary>JSON input of an orchestrator or activity.</summary>
    Input,

    /// <summary>The orchestration context.</summary>
    Orchestration,

    /// <summary>The <see cref="Microsoft.Azure.Functions.Worker.FunctionContext"/> of the invocation.</summary>
    FunctionContext,

    /// <summary>The token of the invocation.</summary>
    Cancellation,

    /// <summary>The durable client.</summary>
    DurableClient,

    /// <summary>The timer's schedule status.</summary>
    Timer,

    /// <summary>ASP.NET Core's request.</summary>
    HttpRequest,

    /// <summary>The worker's own request type.</summary>
    HttpRequestData,

    /// <summary>The request body, read as JSON (as text for a string).</summary>
    Body,

    /// <summary>A value of the trigger, by name without case: instance id, route value, query value.</summary>
    BindingData,
}

/// <summary>How one parameter is filled. <paramref name="Default"/> is never null for a value type that cannot be null.</summary>
internal sealed record ParameterPlan(string Name, Type Type, ParameterSource Source, object? Default);

/// <summary>Verbs (upper case, none means all), route and level of an HTTP trigger. Two functions of one <paramref name="Shape"/> match the
/// same paths.</summary>
/// <param name="ResultProperty">Member of the returned object that is the response; null when the returned object itself is.</param>
internal sealed record HttpPlan(
    IReadOnlyList<string> Methods,
    string Route,
    AuthorizationLevel Level,
    string Shape,
    PropertyInfo? ResultProperty
)
{
    /// <summary>Whether some request matches both.</summary>
    public bool CollidesWith(HttpPlan other) =>
        Shape == other.Shape && (Methods.Count == 0 || other.Methods.Count == 0 || Methods.Intersect(other.Methods).Any());
}

/// <summary>One function of the app: found once at start, called many times.</summary>
/// <param name="Name">Name as its attribute spells it.</param>
/// <param name="Method">The method; for messages only, calls go through <paramref name="Call"/>.</param>
/// <param name="Trigger">The trigger attribute.</param>
/// <param name="Call">Compiled call; the target is ignored for a static method.</param>
/// <param name="Http">Set for HTTP functions only.</param>
internal sealed record FunctionEntry(
    string Name,
    FunctionKind Kind,
    MethodInfo Method,
    TriggerBindingAttribute Trigger,
    IReadOnlyList<ParameterPlan> Parameters,
    FunctionCall Call,
    HostFunctionDefinition Definition,
    HttpPlan? Http
)
{
    /// <summary>Type to instantiate per invocation; null for a static method.</summary>
    public Type? InstanceType => Method.IsStatic ? null : Method.DeclaringType;

    /// <summary>Creates the instance from the services of the invocation; null for a static method.</summary>
    public Func<IServiceProvider, object>? Activate { get; init; }

    /// <summary>Disabled by the setting <c>AzureWebJobs.{name}.Disabled</c>: neither fired nor routed, but an orchestration may call
    /// it.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>NCRONTAB expression or <c>%setting%</c> of a timer function; null otherwise.</summary>
    public string? Schedule => (Trigger as TimerTriggerAttribute)?.Schedule;
}
