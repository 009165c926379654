namespace Microsoft.DurableTask;

/// <summary>What a class-based activity knows of its call. Functions get the input, <c>string instanceId</c> and <c>FunctionContext</c> instead.</summary>
public abstract class TaskActivityContext
{
    /// <summary>Name of the activity.</summary>
    public abstract TaskName Name { get; }

    /// <summary>Instance that called it.</summary>
    public abstract string InstanceId { get; }

    /// <summary>Version of the call; empty when unversioned.</summary>
    public virtual string Version => string.Empty;
}
