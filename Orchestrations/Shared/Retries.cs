using Durable.Operations;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>Which failures of an activity are worth another attempt.</summary>
internal static class Retries
{
    /// <summary>For <see cref="RetryPolicy.HandleFailure"/>: false for permanent failures and for arguments that no attempt can
    /// mend.</summary>
    public static bool IsTransient(TaskFailureDetails failure) =>
        !failure.IsCausedBy<PermanentFailureException>()
        && !failure.IsCausedBy<ArgumentException>()
        && !failure.IsCausedBy<DirectoryNotFoundException>();
}
