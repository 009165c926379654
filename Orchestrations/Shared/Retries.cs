using Durable.Operations;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>Which failures of an activity are worth another attempt, and how often it is made.</summary>
internal static class Retries
{
    /// <summary>Five tries, 2 s to 1 min apart. What a second try cannot mend is not tried again.</summary>
    public static readonly TaskOptions Standard = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(1))
        {
            HandleFailure = IsTransient,
        }
    );

    /// <summary>For <see cref="RetryPolicy.HandleFailure"/>: false for permanent failures and for arguments that no attempt can
    /// mend.</summary>
    public static bool IsTransient(TaskFailureDetails failure) =>
        !failure.IsCausedBy<PermanentFailureException>()
        && !failure.IsCausedBy<ArgumentException>()
        && !failure.IsCausedBy<DirectoryNotFoundException>();
}
