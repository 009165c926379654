namespace DurableTask.Core.Exceptions;

/// <summary>An instance of the id has not finished yet, so that no other may be started under it. Name and namespace are the official ones.</summary>
public sealed class OrchestrationAlreadyExistsException : Exception
{
    /// <summary>An exception without message.</summary>
    public OrchestrationAlreadyExistsException()
    {
    }

    /// <summary>An exception that says which instance or status stands in the way.</summary>
    public OrchestrationAlreadyExistsException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with its cause.</summary>
    public OrchestrationAlreadyExistsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
