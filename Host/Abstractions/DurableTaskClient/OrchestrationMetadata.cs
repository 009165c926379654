using Microsoft.DurableTask.Converters;

namespace Microsoft.DurableTask.Client;

/// <summary>What a query shows of an instance.</summary>
public sealed class OrchestrationMetadata(string name, string instanceId)
{
    /// <summary>Name of the orchestration.</summary>
    public string Name { get; } = name;

    /// <summary>Id of the instance.</summary>
    public string InstanceId { get; } = instanceId;

    /// <summary>Reads the payloads; default JSON.</summary>
    public DataConverter? DataConverter { get; init; }

    /// <summary>Status.</summary>
    public OrchestrationRuntimeStatus RuntimeStatus { get; init; }

    /// <summary>When it was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it last changed.</summary>
    public DateTimeOffset LastUpdatedAt { get; init; }

    /// <summary>Input as text; null unless asked for.</summary>
    public string? SerializedInput { get; init; }

    /// <summary>Output as text; null unless asked for. Plain text for a failed instance.</summary>
    public string? SerializedOutput { get; init; }

    /// <summary>Custom status as text.</summary>
    public string? SerializedCustomStatus { get; init; }

    /// <summary>Tags of the instance.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Failure; the Functions host leaves it null.</summary>
    public TaskFailureDetails? FailureDetails { get; init; }

    /// <summary>Whether it is Running (not Pending, not Suspended).</summary>
    public bool IsRunning => RuntimeStatus == OrchestrationRuntimeStatus.Running;

    /// <summary>Whether it has ended.</summary>
    public bool IsCompleted => RuntimeStatus is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated;

    /// <summary>The input; default when it was not asked for.</summary>
    public T? ReadInputAs<T>() => Read<T>(SerializedInput);

    /// <summary>The output; default when it was not asked for.</summary>
    public T? ReadOutputAs<T>() => Read<T>(SerializedOutput);

    /// <summary>The custom status.</summary>
    public T? ReadCustomStatusAs<T>() => Read<T>(SerializedCustomStatus);

    /// <inheritdoc />
    public override string ToString() => $"[Name: '{Name}', ID: '{InstanceId}', RuntimeStatus: {RuntimeStatus}, CreatedAt: {CreatedAt:s}, LastUpdatedAt: {LastUpdatedAt:s}]";

    private T? Read<T>(string? text) => (DataConverter ?? JsonDataConverter.Default).Deserialize<T>(text);
}
