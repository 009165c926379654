using System.Linq.Expressions;
using System.Reflection;

namespace Durable.Host.Functions;

/// <summary>A compiled call of a function method. Exceptions pass through unchanged.</summary>
/// <returns>The function's value; null for void, Task and ValueTask.</returns>
internal delegate ValueTask<object?> FunctionCall(object? target, object?[] arguments);

/// <summary>Compiles methods once: reflection per call would cost more than a small activity.</summary>
internal static class FunctionCalls
{
    private static readonly MethodInfo FromTask = Named(nameof(AwaitTask)),
        FromTaskOf = Named(nameof(AwaitTaskOf)),
        FromValueTask = Named(nameof(AwaitValueTask)),
        FromValueTaskOf = Named(nameof(AwaitValueTaskOf)),
        FromValue = Named(nameof(Wrap));

    /// <summary>Compiles <paramref name="method"/>, which returns T, void, Task, Task of T, ValueTask or ValueTask of T.</summary>
    public static FunctionCall Compile(MethodInfo method)
    {
        ParameterExpression target = Expression.Parameter(typeof(object), "target");
        ParameterExpression arguments = Expression.Parameter(typeof(object?[]), "arguments");
        IEnumerable<Expression> values = method
            .GetParameters()
            .Select((p, i) => Expression.Convert(Expression.ArrayIndex(arguments, Expression.Constant(i)), p.ParameterType));
        Expression call = Expression.Call(method.IsStatic ? null : Expression.Convert(target, method.DeclaringType!), method, values);
        return Expression.Lambda<FunctionCall>(Adapt(call, method.ReturnType), target, arguments).Compile();
    }

    private static Expression Adapt(Expression call, Type returned)
    {
        Type? generic = returned.IsGenericType ? returned.GetGenericTypeDefinition() : null;
        return returned == typeof(void) ? Expression.Block(call, Expression.Default(typeof(ValueTask<object?>)))
            : returned == typeof(Task) ? Expression.Call(FromTask, call)
            : returned == typeof(ValueTask) ? Expression.Call(FromValueTask, call)
            : generic == typeof(Task<>) ? Expression.Call(FromTaskOf.MakeGenericMethod(returned.GetGenericArguments()), call)
            : generic == typeof(ValueTask<>) ? Expression.Call(FromValueTaskOf.MakeGenericMethod(returned.GetGenericArguments()), call)
            : Expression.Call(FromValue, Expression.Convert(call, typeof(object)));
    }

    private static MethodInfo Named(string name) => typeof(FunctionCalls).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

    private static ValueTask<object?> Wrap(object? value) => new(value);

    // Plain awaits: an orchestrator's continuations must come back to the context of the engine.
    private static ValueTask<object?> AwaitTask(Task? task)
    {
        return task is null || task.IsCompletedSuccessfully ? default : new(SlowAsync(task));
        static async Task<object?> SlowAsync(Task task)
        {
            await task;
            return null;
        }
    }

    private static ValueTask<object?> AwaitTaskOf<T>(Task<T>? task)
    {
        return task is null ? default
            : task.IsCompletedSuccessfully ? new(task.Result)
            : new(SlowAsync(task));
        static async Task<object?> SlowAsync(Task<T> task) => await task;
    }

    private static ValueTask<object?> AwaitValueTask(ValueTask task)
    {
        return task.IsCompletedSuccessfully ? default : new(SlowAsync(task));
        static async Task<object?> SlowAsync(ValueTask task)
        {
            await task;
            return null;
        }
    }

    private static ValueTask<object?> AwaitValueTaskOf<T>(ValueTask<T> task)
    {
        return task.IsCompletedSuccessfully ? new(task.Result) : new(SlowAsync(task));
        static async Task<object?> SlowAsync(ValueTask<T> task) => await task;
    }
}
