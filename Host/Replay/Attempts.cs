using Microsoft.DurableTask;

namespace Durable.Host.Replay;

/// <summary>One attempt at a call: its sequence number and what to await.</summary>
internal readonly record struct Attempt<T>(int TaskId, Task<T> Task);

/// <summary>Retries of activities and sub-orchestrations, inside the orchestrator, with durable timers: the arithmetic of the official engine.</summary>
internal static class Attempts
{
    /// <summary>Calls until an attempt succeeds or the options say stop; then throws the last failure.</summary>
    /// <param name="context">The orchestrator's context.</param>
    /// <param name="retry">Policy, handler, or null for one attempt.</param>
    /// <param name="call">Starts an attempt; is told the task id of the first one from the second attempt on.</param>
    public static Task<T> RunAsync<T>(ReplayContext context, TaskRetryOptions? retry, Func<int?, Attempt<T>> call) => retry switch
    {
        { Policy: { } policy } => ByPolicyAsync(context, policy, call),
        { Handler: { } handler } => ByHandlerAsync(context, handler, call),
        _ => call(null).Task,
    };

    // As the official engine does, the wait follows every failure that may be retried, the last attempt's too.
    private static async Task<T> ByPolicyAsync<T>(ReplayContext context, RetryPolicy policy, Func<int?, Attempt<T>> call)
    {
        DateTime start = context.CurrentUtcDateTime;
        int? first = null;
        TaskFailedException? last = null;
        for (int attempt = 0; attempt < policy.MaxNumberOfAttempts; attempt++)
        {
            Attempt<T> current = call(first);
            first ??= current.TaskId;
            try
            {
                return await current.Task;
            }
            catch (TaskFailedException e)
            {
                last = e;
            }

            TimeSpan? delay = NextDelay(context, policy, attempt, start, last);
            if (delay is null)
            {
                break;
            }

            await context.CreateTimer(context.CurrentUtcDateTime + delay.Value, first, CancellationToken.None);
        }

        throw Rethrow(last!);
    }

    private static async Task<T> ByHandlerAsync<T>(ReplayContext context, AsyncRetryHandler handler, Func<int?, Attempt<T>> call)
    {
        DateTime start = context.CurrentUtcDateTime;
        int? first = null;
        for (int attempt = 1; ; attempt++)
        {
            Attempt<T> current = call(first);
            first ??= current.TaskId;
            try
            {
                return await current.Task;
            }
            catch (TaskFailedException e)
            {
                RetryContext retry = new(context, attempt, e.FailureDetails, context.CurrentUtcDateTime - start, CancellationToken.None);
                if (!await handler(retry))
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Delay before the next attempt: first × backoff^attempt, capped; null when the failure is not to be retried or the time is up.</summary>
    private static TimeSpan? NextDelay(
        ReplayContext context, RetryPolicy policy, int attempt, DateTime start, TaskFailedException failure)
    {
        if (!IsHandled(policy, failure))
        {
            return null;
        }

        bool timed = policy.RetryTimeout != Timeout.InfiniteTimeSpan && policy.RetryTimeout != TimeSpan.MaxValue;
        if (timed && context.CurrentUtcDateTime >= start + policy.RetryTimeout)
        {
            return null;
        }

        double milliseconds = policy.FirstRetryInterval.TotalMilliseconds * Math.Pow(policy.BackoffCoefficient, attempt);
        bool capped = policy.MaxRetryInterval > TimeSpan.Zero && policy.MaxRetryInterval != TimeSpan.MaxValue;
        double most = capped ? policy.MaxRetryInterval.TotalMilliseconds : TimeSpan.FromDays(365).TotalMilliseconds;
        return TimeSpan.FromMilliseconds(Math.Min(milliseconds, most));
    }

    /// <summary>What the policy says to a failure. The official <c>HandleFailure</c> reads exceptions of DurableTask.Core, and throws at any other.</summary>
    private static bool IsHandled(RetryPolicy policy, TaskFailedException failure) =>
        policy.Handle(new global::DurableTask.Core.Exceptions.TaskFailedException(failure.Message) { FailureDetails = CoreDetails(failure.FailureDetails) });

    private static global::DurableTask.Core.FailureDetails CoreDetails(TaskFailureDetails details) =>
        new(details.ErrorType, details.ErrorMessage, details.StackTrace, details.InnerFailure is { } inner ? CoreDetails(inner) : null, isNonRetriable: false);

    private static TaskFailedException Rethrow(TaskFailedException failure)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return failure;
    }
}
