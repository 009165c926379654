using System.Reflection;

namespace Microsoft.DurableTask;

/// <summary>An activity or sub-orchestration that was awaited has failed.</summary>
public sealed class TaskFailedException : Exception
{
    /// <summary>A failure with the exception that caused it.</summary>
    public TaskFailedException(string taskName, int taskId, Exception innerException)
        : base(Text(taskName, taskId, innerException.Message), innerException)
    {
        TaskName = taskName;
        TaskId = taskId;
        FailureDetails = innerException is global::DurableTask.Core.Exceptions.IFailureCarrier carrier ? carrier.Details : TaskFailureDetails.FromException(innerException);
    }

    /// <summary>A failure with stored details.</summary>
    public TaskFailedException(string taskName, int taskId, TaskFailureDetails failureDetails)
        : base(Text(taskName, taskId, failureDetails.ErrorMessage))
    {
        TaskName = taskName;
        TaskId = taskId;
        FailureDetails = failureDetails;
    }

    /// <summary>Name of what was called.</summary>
    public string TaskName { get; }

    /// <summary>Sequence number of the call within its orchestration.</summary>
    public int TaskId { get; }

    /// <summary>What failed, as far as it was stored.</summary>
    public TaskFailureDetails FailureDetails { get; }

    /// <summary>Whether the failure, or one it was caused by, is a <typeparamref name="T"/>.</summary>
    public bool IsCausedByException<T>()
        where T : Exception => FailureDetails.IsCausedBy<T>();

    private static string Text(string taskName, int taskId, string message) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Task '{taskName}' (#{taskId}) failed with an unhandled exception: {message}");
}

/// <summary>A failure in a form that can be stored: type name, message, stack trace and the chain of inner failures.</summary>
public record TaskFailureDetails(string ErrorType, string ErrorMessage, string? StackTrace, TaskFailureDetails? InnerFailure, IDictionary<string, object?>? Properties)
{
    /// <summary>The details of an exception; of an AggregateException's inner exceptions only the first.</summary>
    public static TaskFailureDetails FromException(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception switch
        {
            global::DurableTask.Core.Exceptions.IFailureCarrier carrier => carrier.Details,
            TaskFailedException failed => new TaskFailureDetails(failed.GetType().FullName!, failed.Message, failed.StackTrace, failed.FailureDetails, null),
            _ => new TaskFailureDetails(
                exception.GetType().FullName!, exception.Message, exception.StackTrace, exception.InnerException is { } inner ? FromException(inner) : null, null),
        };
    }

    /// <summary>Whether the failure is a <typeparamref name="T"/> or derives from it. The type is looked up by name among the loaded assemblies.</summary>
    public bool IsCausedBy<T>()
        where T : Exception => IsCausedBy(typeof(T));

    /// <summary>Whether the failure is a <paramref name="targetBaseExceptionType"/> or derives from it.</summary>
    /// <remarks>Only this failure is asked, not its inner ones. A type that cannot be found any more is caused by nothing.</remarks>
    /// <exception cref="ArgumentException">Not an exception type.</exception>
    /// <exception cref="AmbiguousMatchException">Several loaded assemblies, none of them that of the type asked for, have a type of the name.</exception>
    public bool IsCausedBy(Type targetBaseExceptionType)
    {
        ArgumentNullException.ThrowIfNull(targetBaseExceptionType);
        if (!typeof(Exception).IsAssignableFrom(targetBaseExceptionType))
        {
            throw new ArgumentException($"The type {targetBaseExceptionType} is not an exception type.", nameof(targetBaseExceptionType));
        }

        if (string.IsNullOrEmpty(ErrorType))
        {
            return false;
        }

        Type? type = Type.GetType(ErrorType, throwOnError: false) ?? targetBaseExceptionType.Assembly.GetType(ErrorType, throwOnError: false) ?? FindLoaded();
        return type is not null && targetBaseExceptionType.IsAssignableFrom(type);
    }

    private Type? FindLoaded()
    {
        Type[] found = [.. AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetType(ErrorType, throwOnError: false)).OfType<Type>()];
        return found.Length <= 1 ? found.FirstOrDefault() : throw new AmbiguousMatchException($"Multiple exception types with the name '{ErrorType}' were found.");
    }

    /// <inheritdoc />
    public override string ToString() => $"{ErrorType}: {ErrorMessage}";
}
