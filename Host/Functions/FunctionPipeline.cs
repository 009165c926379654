using Microsoft.Azure.Functions.Worker.Middleware;

namespace Durable.Host.Functions;

/// <summary>The app's middleware in registration order; the first is the outermost.</summary>
internal sealed class FunctionPipeline(IReadOnlyList<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware)
{
    /// <summary>Whether there is any middleware; without it an invocation calls the function directly.</summary>
    public bool IsEmpty => middleware.Count == 0;

    /// <summary>Wraps <paramref name="function"/> in the middleware. Build once, call often.</summary>
    public FunctionExecutionDelegate Build(FunctionExecutionDelegate function)
    {
        for (int i = middleware.Count - 1; i >= 0; i--)
            function = middleware[i](function);
        return function;
    }
}
