using Microsoft.Azure.Functions.Worker.Middleware;

namespace Durable.Host.Functions;

/// <summary>
/// Runs the app's middleware around an orchestrator's first segment, up to the end of its turn, as the official worker does. The engine
/// runs the rest, so middleware cannot keep the orchestrator from finishing. Middleware that waits for something is refused instead of
/// leaving the instance running forever.
/// </summary>
internal static class OrchestratorTurn
{
    /// <summary>Starts the orchestrator inside <paramref name="pipeline"/>, on the caller's thread.</summary>
    /// <returns>The orchestrator's task; a faulted one when middleware threw, waited or did not call it.</returns>
    public static Task<object?> Start(FunctionPipeline pipeline, HostFunctionContext context, Func<Task<object?>> start)
    {
        Task<object?>? orchestrator = null;
        bool returned = false;
        FunctionExecutionDelegate pipe = pipeline.Build(_ =>
        {
            if (returned)
                throw Waited(context);
            orchestrator = start();
            return orchestrator.IsCompleted ? orchestrator : Task.CompletedTask;
        });

        Task run = pipe(context);
        returned = true;
        if (orchestrator is not null)
        {
            _ = run.ContinueWith(static t => t.Exception, TaskScheduler.Default); // observed: later middleware cannot change the outcome
            return run.IsFaulted && !orchestrator.IsFaulted && !orchestrator.IsCanceled
                ? Task.FromException<object?>(run.Exception!.InnerException!)
                : orchestrator;
        }
        return Task.FromException<object?>(
            run.IsFaulted ? run.Exception!.InnerException!
            : run.IsCompleted ? new InvalidOperationException($"Middleware did not call orchestrator function '{context.Function.Name}'.")
            : Waited(context)
        );
    }

    private static InvalidOperationException Waited(HostFunctionContext context) =>
        new(
            $"Middleware waited for something before it called orchestrator function '{context.Function.Name}'. "
                + "An orchestrator must start on the engine's own thread: skip orchestration triggers in that middleware (UseWhen)."
        );
}
