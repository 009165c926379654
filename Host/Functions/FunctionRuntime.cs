using System.Diagnostics;
using Durable.Host.Store;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Functions;

/// <summary>Calls the app's functions: binds parameters, creates instances from a service scope, runs the middleware.</summary>
internal sealed class FunctionRuntime : IFunctionRuntime
{
    private readonly FunctionCatalog catalog;
    private readonly DataConverter converter;
    private readonly IServiceProvider services;
    private readonly IServiceScopeFactory scopes;
    private readonly ILogger logger;
    private readonly FunctionPipeline pipeline;
    private readonly FunctionExecutionDelegate execute;
    private readonly FunctionLimits limits;

    /// <summary>Safe for many threads; one per host.</summary>
    public FunctionRuntime(
        FunctionCatalog catalog,
        FunctionPipeline pipeline,
        FunctionLimits limits,
        DataConverter converter,
        IServiceProvider services,
        ILogger<FunctionRuntime> logger
    )
    {
        this.limits = limits;
        this.catalog = catalog;
        this.converter = converter;
        this.services = services;
        scopes = services.GetRequiredService<IServiceScopeFactory>();
        this.logger = logger;
        this.pipeline = pipeline;
        execute = pipeline.Build(CallAsync);
        OrchestratorNames = [.. catalog.OfKind(FunctionKind.Orchestrator).Select(f => f.Name)];
        ActivityNames = [.. catalog.OfKind(FunctionKind.Activity).Select(f => f.Name)];
    }

    public IReadOnlyList<string> OrchestratorNames { get; }

    public IReadOnlyList<string> ActivityNames { get; }

    public bool HasOrchestrator(string name) => this.catalog.TryFind(name, FunctionKind.Orchestrator, out _);

    public bool HasActivity(string name) => this.catalog.TryFind(name, FunctionKind.Activity, out _);

    public Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input)
    {
        try
        {
            FunctionEntry function = Find(name, FunctionKind.Orchestrator);
            HostFunctionContext invocation = new(function, this.services, TriggerData.Of(function, context.InstanceId, input))
            {
                Orchestration = context,
            };
            object?[] arguments =
            [
                .. function.Parameters.Select(p =>
                    p.Source switch
                    {
                        ParameterSource.Orchestration => context,
                        ParameterSource.Input => InputJson.ReadRaw(this.converter, input, p),
                        ParameterSource.FunctionContext => invocation,
                        _ => p.Default, // CancellationToken: an orchestrator is stopped by leaving it, never by a token
                    }
                ),
            ];
            return this.pipeline.IsEmpty ? CallOrchestrator() : OrchestratorTurn.Start(this.pipeline, invocation, CallOrchestrator);

            Task<object?> CallOrchestrator() => function.Call(function.Activate?.Invoke(this.services), arguments).AsTask();
        }
        catch (Exception e)
        {
            return Task.FromException<object?>(e);
        }
    }

    public async Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation)
    {
        FunctionEntry function = Find(call.Name, FunctionKind.Activity);
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        HostFunctionContext invocation = new(function, scope.ServiceProvider, TriggerData.Of(function, call.InstanceId, call.Input))
        {
            Source = new ActivitySource(call, this.converter),
            TraceParent = call.TraceParent,
            Deliveries = call.Attempt,
            Cancellation = cancellation,
        };
        object? result = await InvokeAsync(invocation);
        return result is null ? null : this.converter.Serialize(result);
    }

    /// <summary>Fires a timer function in its own scope, through the middleware. Exceptions are logged and rethrown.</summary>
    public async Task InvokeTimerAsync(string name, TimerInfo timer, CancellationToken cancellation)
    {
        FunctionEntry function = Find(name, FunctionKind.Timer);
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        await InvokeAsync(
            new HostFunctionContext(function, scope.ServiceProvider, TriggerData.Empty())
            {
                Source = new TimerSource(timer),
                Cancellation = cancellation,
            }
        );
    }

    /// <summary>Runs one invocation of an activity, timer or HTTP function through the middleware.</summary>
    /// <returns>The function's result, or what a middleware replaced it with.</returns>
    public async Task<object?> InvokeAsync(HostFunctionContext invocation)
    {
        bool logs = this.logger.IsEnabled(LogLevel.Debug);
        long started = Stopwatch.GetTimestamp();
        if (logs)
            Log.Executing(this.logger, invocation.Function.Name, invocation.InvocationId);
        try
        {
            await RunInTimeAsync(invocation);
        }
        catch (Exception e)
            when (invocation.Function.Kind == FunctionKind.Http && e is Npgsql.NpgsqlException && HubDatabase.IsTransient(e))
        {
            Log.Outage(this.logger, invocation.Function.Name, HubDatabase.Explain(e)); // answered with 503; one line explains an outage
            throw;
        }
        catch (Exception e)
            when (invocation.Function.Kind != FunctionKind.Activity
                && // the engine logs those, with instance and task
                (e is not OperationCanceledException || !invocation.Cancellation.IsCancellationRequested)
            )
        {
            Log.Failed(
                this.logger,
                e,
                invocation.Function.Name,
                invocation.InvocationId,
                Stopwatch.GetElapsedTime(started).TotalMilliseconds
            );
            throw;
        }
        if (logs)
            Log.Executed(
                this.logger,
                invocation.Function.Name,
                invocation.InvocationId,
                Stopwatch.GetElapsedTime(started).TotalMilliseconds
            );
        return invocation.Result;
    }

    // The Functions host ends the process of a function that times out. Here its token is cancelled, and after a grace period the call
    // fails; code that ignores its token continues unobserved.
    private async Task RunInTimeAsync(HostFunctionContext invocation)
    {
        if (this.limits.Timeout is not { } timeout)
        {
            await execute(invocation);
            return;
        }
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(invocation.Cancellation);
        invocation.Cancellation = stop.Token;
        Task run = execute(invocation);
        if (await EndsWithinAsync(run, timeout))
        {
            await run;
            return;
        }
        await stop.CancelAsync();
        if (!await EndsWithinAsync(run, this.limits.Grace))
            _ = run.ContinueWith(
                static t => t.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default
            );
        throw new TimeoutException(
            $"Function '{invocation.Function.Name}' did not end within {timeout} (functionTimeout in host.json); "
                + "its cancellation token was cancelled."
        );
    }

    private static async ValueTask<bool> EndsWithinAsync(Task task, TimeSpan time)
    {
        if (task.IsCompleted)
            return true;
        await task.WaitAsync(time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    private async Task CallAsync(FunctionContext context)
    {
        HostFunctionContext invocation = (HostFunctionContext)context;
        object?[] arguments = await BindAsync(invocation);
        object? instance = invocation.Function.Activate?.Invoke(context.InstanceServices);
        try
        {
            invocation.Result = await invocation.Function.Call(instance, arguments);
        }
        finally
        {
            if (instance is IAsyncDisposable asynchronous)
                await asynchronous.DisposeAsync();
            else
                (instance as IDisposable)?.Dispose();
        }
    }

    private static async ValueTask<object?[]> BindAsync(HostFunctionContext invocation)
    {
        IReadOnlyList<ParameterPlan> parameters = invocation.Function.Parameters;
        object?[] arguments = new object?[parameters.Count];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = parameters[i].Source switch
            {
                ParameterSource.FunctionContext => invocation,
                ParameterSource.Cancellation => invocation.CancellationToken,
                ParameterSource.DurableClient => invocation.InstanceServices.GetRequiredService<DurableTaskClient>(),
                _ => await invocation.Source!.ReadAsync(parameters[i], invocation),
            };
        }
        return arguments;
    }

    private FunctionEntry Find(string name, FunctionKind kind) =>
        this.catalog.TryFind(name, kind, out FunctionEntry? function)
            ? function
            : throw new ArgumentException($"There is no {kind} function '{name}'.", nameof(name));
}
