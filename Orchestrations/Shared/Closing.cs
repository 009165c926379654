using Durable.Activities.Operations;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>Makes a failed run close itself in the ledger, whichever step failed, even the closing step.</summary>
internal static class Closing
{
    /// <param name="finish">Closes the run with the reason of its failure; null: <paramref name="work"/> does so before it throws anything
    /// but a step's failure.</param>
    /// <exception cref="Exception">The first error, even if closing failed.</exception>
    public static async Task<T> RunAsync<T>(
        TaskOrchestrationContext context,
        string runId,
        Func<Task<T>> work,
        Func<string, Task>? finish = null
    )
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (finish is not null || error is TaskFailedException)
        {
            string reason = (error as TaskFailedException)?.FailureDetails.ErrorMessage ?? error.Message;
            if (finish is null || !await TryAsync(context, () => finish(reason)))
                await TryAsync(context, () => context.CallActivityAsync(nameof(CloseRun), new RunToClose(runId, reason), Retries.Standard)); // else the reaper closes it
            throw;
        }
    }

    private static async Task<bool> TryAsync(TaskOrchestrationContext context, Func<Task> close)
    {
        try
        {
            await close();
            return true;
        }
        catch (TaskFailedException error)
        {
            Log.CloseFailed(
                context.CreateReplaySafeLogger("Durable.Orchestrations.Closing"),
                context.InstanceId,
                error.FailureDetails.ErrorMessage
            );
            return false;
        }
    }
}
