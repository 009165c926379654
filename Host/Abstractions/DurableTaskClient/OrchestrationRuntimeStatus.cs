namespace Microsoft.DurableTask.Client;

/// <summary>Where an instance stands.</summary>
public enum OrchestrationRuntimeStatus
{
    /// <summary>Has begun and has not ended.</summary>
    Running = 0,

    /// <summary>Ended with a result.</summary>
    Completed = 1,

    /// <summary>Kept for old data; such an instance shows as Running.</summary>
    ContinuedAsNew = 2,

    /// <summary>Ended with a failure.</summary>
    Failed = 3,

    /// <summary>Kept for old data.</summary>
    Canceled = 4,

    /// <summary>Ended by a client.</summary>
    Terminated = 5,

    /// <summary>Not begun yet.</summary>
    Pending = 6,

    /// <summary>Held back by a client.</summary>
    Suspended = 7,
}
