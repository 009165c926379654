using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Host.Functions;

/// <summary>Turns a method with a <see cref="FunctionAttribute"/> into a <see cref="FunctionEntry"/>, or says why it cannot be
/// served.</summary>
internal static partial class FunctionReader
{
    /// <summary>Reads one function.</summary>
    /// <exception cref="FunctionCatalogException">The declaration is wrong; the message says how to fix it.</exception>
    public static FunctionEntry Read(string name, MethodInfo method, bool isDisabled)
    {
        CheckShape(name, method);
        (ParameterInfo parameter, TriggerBindingAttribute trigger) = FindTrigger(method);
        FunctionKind kind = trigger switch
        {
            OrchestrationTriggerAttribute => FunctionKind.Orchestrator,
            ActivityTriggerAttribute => FunctionKind.Activity,
            HttpTriggerAttribute => FunctionKind.Http,
            TimerTriggerAttribute => FunctionKind.Timer,
            _ => throw new FunctionCatalogException(
                $"[{Short(trigger)}] is not served here; use an orchestration, activity, HTTP or timer trigger."
            ),
        };
        if (kind == FunctionKind.Orchestrator && !method.IsStatic)
            CheckOrchestratorClass(method.DeclaringType!);

        HttpPlan? http = trigger is HttpTriggerAttribute h ? ReadHttp(name, h, method) : null;
        IReadOnlyList<ParameterPlan> plans = [.. method.GetParameters().Select(p => Plan(p, p == parameter, kind))];
        if (kind == FunctionKind.Orchestrator && plans.Count(p => p.Source == ParameterSource.Input) > 1)
            throw new FunctionCatalogException("an orchestrator takes one input; put the values into a record.");

        FunctionCall call = FunctionCalls.Compile(method);
        return new FunctionEntry(name, kind, method, trigger, plans, call, Define(name, method, http), http)
        {
            IsDisabled = isDisabled,
            Activate = method.IsStatic ? null : Activator(method.DeclaringType!),
        };
    }

    private static void CheckShape(string name, MethodInfo method)
    {
        if (!ValidName().IsMatch(name))
            throw new FunctionCatalogException("a name starts with a letter and has up to 128 letters, digits, '-' and '_'.");
        if (!method.IsPublic)
            throw new FunctionCatalogException("the method must be public.");
        if (method.ContainsGenericParameters)
            throw new FunctionCatalogException("neither the method nor its class may be generic.");
        if (method.DeclaringType!.IsAbstract && !method.IsStatic)
            throw new FunctionCatalogException("an instance method needs a class that can be created; this one is abstract.");
        if (method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)))
            throw new FunctionCatalogException("async void cannot be awaited; return Task.");
        if (
            method
                .GetParameters()
                .FirstOrDefault(p => p.ParameterType.IsByRef || p.ParameterType.IsByRefLike || p.ParameterType.IsPointer) is
            { } odd
        )
            throw new FunctionCatalogException($"parameter '{odd.Name}' of type {odd.ParameterType.Name} cannot be bound.");
    }

    private static (ParameterInfo Parameter, TriggerBindingAttribute Trigger) FindTrigger(MethodInfo method)
    {
        var triggers = method
            .GetParameters()
            .SelectMany(p => p.GetCustomAttributes<TriggerBindingAttribute>(), (p, a) => (Parameter: p, Trigger: a))
            .ToList();
        return triggers.Count switch
        {
            1 => triggers[0],
            0 => throw new FunctionCatalogException("no parameter has a trigger attribute; mark the input with one."),
            _ => throw new FunctionCatalogException(
                $"a function has one trigger, this one has {string.Join(", ", triggers.Select(t => $"[{Short(t.Trigger)}] {t.Parameter.Name}"))}."
            ),
        };
    }

    private static void CheckOrchestratorClass(Type type)
    {
        if (type.GetConstructors().All(c => c.GetParameters().Length > 0))
        {
            throw new FunctionCatalogException(
                "an orchestrator takes no injected services, because they could differ when it is replayed; "
                    + "make it static and call activities."
            );
        }
    }

    private static HttpPlan ReadHttp(string name, HttpTriggerAttribute trigger, MethodInfo method)
    {
        string route = (trigger.Route ?? name).Trim('/');
        if (
            route.StartsWith("admin", StringComparison.OrdinalIgnoreCase) || route.StartsWith("runtime", StringComparison.OrdinalIgnoreCase)
        )
            throw new FunctionCatalogException($"route '{route}' begins with 'admin' or 'runtime', which belong to the host.");
        RoutePattern pattern;
        try
        {
            pattern = RoutePatternFactory.Parse(route);
        }
        catch (RoutePatternException e)
        {
            throw new FunctionCatalogException($"route '{route}' is no route: {e.Message}");
        }
        return new HttpPlan(
            [.. (trigger.Methods ?? []).Select(m => m.ToUpperInvariant())],
            route,
            trigger.AuthLevel,
            RouteShapes.Of(pattern),
            ResultProperty(method.ReturnType)
        );
    }

    // A record of several outputs marks the one that is the response; its other members are output bindings, which are not served here.
    private static PropertyInfo? ResultProperty(Type returned)
    {
        Type type =
            returned.IsGenericType
            && (returned.GetGenericTypeDefinition() == typeof(Task<>) || returned.GetGenericTypeDefinition() == typeof(ValueTask<>))
                ? returned.GetGenericArguments()[0]
                : returned;
        return type.GetProperties().FirstOrDefault(p => p.IsDefined(typeof(HttpResultAttribute)));
    }

    private static ParameterPlan Plan(ParameterInfo parameter, bool isTrigger, FunctionKind kind)
    {
        Type type = parameter.ParameterType;
        object? fallback =
            parameter.HasDefaultValue && parameter.DefaultValue is not null ? parameter.DefaultValue
            : type.IsValueType && Nullable.GetUnderlyingType(type) is null ? RuntimeHelpers.GetUninitializedObject(type)
            : null;
        return new ParameterPlan(parameter.Name!, type, Source(parameter, isTrigger, kind), fallback);
    }

    private static ParameterSource Source(ParameterInfo parameter, bool isTrigger, FunctionKind kind)
    {
        Type type = parameter.ParameterType;
        if (isTrigger)
            return TriggerSource(parameter, kind);
        if (type == typeof(FunctionContext))
            return ParameterSource.FunctionContext;
        if (type == typeof(CancellationToken))
            return ParameterSource.Cancellation;
        if (parameter.IsDefined(typeof(DurableClientAttribute)))
        {
            if (kind == FunctionKind.Orchestrator)
                throw Unsupported(parameter, "an orchestrator has no client; call sub-orchestrators and activities through its context");
            return type == typeof(DurableTaskClient)
                ? ParameterSource.DurableClient
                : throw Unsupported(parameter, $"[DurableClient] gives a {nameof(DurableTaskClient)}");
        }
        if (parameter.GetCustomAttribute<BindingAttribute>() is { } other)
            throw Unsupported(parameter, $"[{Short(other)}] is not served here");
        return kind switch
        {
            FunctionKind.Orchestrator when !IsService(type) => ParameterSource.Input,
            FunctionKind.Http when parameter.IsDefined(typeof(FromBodyAttribute)) => ParameterSource.Body,
            FunctionKind.Http when type == typeof(HttpRequest) => ParameterSource.HttpRequest,
            FunctionKind.Http when type == typeof(HttpRequestData) => ParameterSource.HttpRequestData,
            FunctionKind.Http when SimpleValues.CanRead(type) => ParameterSource.BindingData,
            FunctionKind.Activity
                when type == typeof(string) && string.Equals(parameter.Name, "instanceId", StringComparison.OrdinalIgnoreCase) =>
                ParameterSource.BindingData,
            FunctionKind.Activity => throw Unsupported(
                parameter,
                "beside its input an activity takes string instanceId, FunctionContext and CancellationToken; "
                    + "services belong into the constructor"
            ),
            _ => throw Unsupported(parameter, "services belong into the constructor"),
        };
    }

    private static ParameterSource TriggerSource(ParameterInfo parameter, FunctionKind kind) =>
        kind switch
        {
            FunctionKind.Orchestrator => parameter.ParameterType == typeof(TaskOrchestrationContext)
                ? ParameterSource.Orchestration
                : throw Unsupported(parameter, $"[OrchestrationTrigger] gives a {nameof(TaskOrchestrationContext)}"),
            FunctionKind.Activity => IsService(parameter.ParameterType)
                ? throw Unsupported(
                    parameter,
                    "an activity's input is data; activities get string instanceId and FunctionContext, not a context of their own"
                )
                : ParameterSource.Input,
            FunctionKind.Timer => ParameterSource.Timer,
            _ => parameter.ParameterType == typeof(HttpRequest) ? ParameterSource.HttpRequest
            : parameter.ParameterType == typeof(HttpRequestData) ? ParameterSource.HttpRequestData
            : IsService(parameter.ParameterType)
                ? throw Unsupported(parameter, "[HttpTrigger] gives HttpRequest, HttpRequestData or the body")
            : ParameterSource.Body,
        };

    // Interfaces that JSON can fill (lists, dictionaries) are data; other interfaces and the types of the programming model are not.
    private static bool IsService(Type type) =>
        (type.IsInterface && !typeof(System.Collections.IEnumerable).IsAssignableFrom(type))
        || type == typeof(TaskActivityContext)
        || type == typeof(DurableTaskClient)
        || type == typeof(TaskOrchestrationContext)
        || type == typeof(FunctionContext)
        || type == typeof(CancellationToken)
        || typeof(Delegate).IsAssignableFrom(type)
        || type == typeof(HttpContext);

    private static HostFunctionDefinition Define(string name, MethodInfo method, HttpPlan? http)
    {
        var inputs = ImmutableDictionary.CreateBuilder<string, BindingMetadata>();
        foreach (ParameterInfo parameter in method.GetParameters())
        {
            if (parameter.GetCustomAttribute<BindingAttribute>() is { } binding)
                inputs[parameter.Name!] = new HostBindingMetadata(parameter.Name!, BindingType(binding), BindingDirection.In);
        }
        var outputs = ImmutableDictionary<string, BindingMetadata>.Empty;
        if (http is not null)
            outputs = outputs.Add("$return", new HostBindingMetadata("$return", "http", BindingDirection.Out));
        return new HostFunctionDefinition(name, method, inputs.ToImmutable(), outputs);
    }

    private static string BindingType(BindingAttribute attribute)
    {
        string name = Short(attribute);
        return char.ToLowerInvariant(name[0]) + name[1..];
    }

    private static Func<IServiceProvider, object> Activator(Type type)
    {
        ObjectFactory factory;
        try
        {
            factory = ActivatorUtilities.CreateFactory(type, Type.EmptyTypes);
        }
        catch (InvalidOperationException e)
        {
            throw new FunctionCatalogException($"{type.Name} cannot be created from services: {e.Message}");
        }
        return services => factory(services, null);
    }

    private static string Short(Attribute attribute) =>
        attribute.GetType().Name.Replace("Attribute", string.Empty, StringComparison.Ordinal);

    private static FunctionCatalogException Unsupported(ParameterInfo parameter, string reason) =>
        new($"parameter '{parameter.Name}' of type {parameter.ParameterType.Name} cannot be bound: {reason}.");

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_-]{0,127}$")]
    private static partial Regex ValidName();
}
