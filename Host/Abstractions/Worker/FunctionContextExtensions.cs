using Durable.Host.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>Loggers of an invocation.</summary>
public static class FunctionContextLoggerExtensions
{
    /// <summary>Logger with the category of a type.</summary>
    public static ILogger<T> GetLogger<T>(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.InstanceServices.GetRequiredService<ILogger<T>>();
    }

    /// <summary>Logger with a category.</summary>
    public static ILogger GetLogger(this FunctionContext context, string categoryName)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.InstanceServices.GetRequiredService<ILoggerFactory>().CreateLogger(categoryName);
    }
}

/// <summary>ASP.NET Core's side of an HTTP invocation.</summary>
public static class FunctionContextExtensions
{
    /// <summary>The HTTP context; null when the function has no HTTP trigger.</summary>
    public static HttpContext? GetHttpContext(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Items.TryGetValue("HttpRequestContext", out object? http) ? http as HttpContext : null;
    }
}

/// <summary>The worker's side of an HTTP invocation.</summary>
public static class FunctionContextHttpRequestExtensions
{
    /// <summary>The request; null when the function has no HTTP trigger.</summary>
    public static ValueTask<HttpRequestData?> GetHttpRequestDataAsync(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Features.Get<IHttpRequestDataFeature>()?.GetHttpRequestDataAsync(context) ?? default;
    }

    /// <summary>The response that the function returned, if it returned one of that type.</summary>
    public static HttpResponseData? GetHttpResponseData(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (context as HostFunctionContext)?.Result as HttpResponseData;
    }
}

/// <summary>What an invocation returned, for middleware.</summary>
public static class FunctionContextBindingFeatureExtensions
{
    /// <summary>The result; a value set here takes its place.</summary>
    public static InvocationResult<T> GetInvocationResult<T>(this FunctionContext context) => new HostInvocationResult<T>((HostFunctionContext)context);

    /// <summary>The result; a value set here takes its place.</summary>
    public static InvocationResult GetInvocationResult(this FunctionContext context) => new HostInvocationResult((HostFunctionContext)context);

    private sealed class HostInvocationResult<T>(HostFunctionContext context) : InvocationResult<T>
    {
        public override T? Value
        {
            get => (T?)context.Result;
            set => context.Result = value;
        }
    }

    private sealed class HostInvocationResult(HostFunctionContext context) : InvocationResult
    {
        public override object? Value
        {
            get => context.Result;
            set => context.Result = value;
        }
    }
}

/// <summary>Result of an invocation.</summary>
public abstract class InvocationResult<T>
{
    /// <summary>Value; may be replaced.</summary>
    public abstract T? Value { get; set; }
}

/// <summary>Result of an invocation.</summary>
public abstract class InvocationResult : InvocationResult<object>
{
}
