using Durable.Operations;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>Which failures of an activity are retried, and how often.</summary>
internal static class Retries
{
    /// <summary>Five attempts, 2 s to 1 min apart. Permanent failures are not retried.</summary>
    public static readonly TaskOptions Standard = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(1))
        {
            HandleFailure = IsTransient,
        }
    );

    /// <summary>For <see cref="RetryPolicy.HandleFailure"/>: false for permanent failures and invalid arguments.</summary>
    public static bool IsTransient(TaskFailureDetails failure) =>
        !failure.IsCausedBy<PermanentFailureException>()
        && !failure.IsCausedBy<ArgumentException>()
        && !failure.IsCausedBy<DirectoryNotFoundException>();
}
