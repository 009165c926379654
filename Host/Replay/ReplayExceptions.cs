using Microsoft.DurableTask;

// The official engine's exception types: their full names reach users through outputs, failure details and e.InnerException.
namespace DurableTask.Core.Exceptions;

/// <summary>The recorded history and the code disagree about a step.</summary>
internal sealed class NonDeterministicOrchestrationException(int taskId, string details)
    : Exception($"Non-Deterministic workflow detected: {details}")
{
    /// <summary>Sequence number of the step.</summary>
    public int TaskId { get; } = taskId;
}

/// <summary>Carries stored failure details through an exception.</summary>
internal interface IFailureCarrier
{
    /// <summary>The details as they were stored.</summary>
    TaskFailureDetails Details { get; }
}

/// <summary>A failed activity or child as the official engine hands it to the worker; users see it as InnerException.</summary>
internal sealed class TaskFailedException : Exception, IFailureCarrier
{
    /// <summary>A failure without details, for example of an activity that does not exist: everything is "(unknown)", as recorded.</summary>
    public TaskFailedException() => Details = new TaskFailureDetails("(unknown)", "(unknown)", null, null, null);

    /// <summary>A failure with the details of the original exception.</summary>
    public TaskFailedException(TaskFailureDetails details)
        : base(details.ErrorMessage) => Details = details;

    /// <inheritdoc />
    public TaskFailureDetails Details { get; }
}

/// <summary>A failed sub-orchestration.</summary>
internal sealed class SubOrchestrationFailedException(TaskFailureDetails details) : Exception(details.ErrorMessage), IFailureCarrier
{
    /// <inheritdoc />
    public TaskFailureDetails Details { get; } = details;
}
