using System.Globalization;

namespace Microsoft.DurableTask.Client;

/// <summary>What a query shows of an instance.</summary>
public sealed class OrchestrationMetadata(string name, string instanceId)
{
    private const int LongestShown = 50;

    /// <summary>Name of the orchestration.</summary>
    public string Name { get; } = name;

    /// <summary>Id of the instance.</summary>
    public string InstanceId { get; } = instanceId;

    /// <summary>Reads the payloads; null when they were not asked for.</summary>
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

    /// <summary>The input; default without one.</summary>
    /// <exception cref="InvalidOperationException">Inputs and outputs were not asked for.</exception>
    public T? ReadInputAs<T>() => Read<T>(SerializedInput, nameof(ReadInputAs), "input");

    /// <summary>The output; default without one.</summary>
    /// <exception cref="InvalidOperationException">Inputs and outputs were not asked for.</exception>
    public T? ReadOutputAs<T>() => Read<T>(SerializedOutput, nameof(ReadOutputAs), "output");

    /// <summary>The custom status; default when none was set.</summary>
    /// <exception cref="InvalidOperationException">Inputs and outputs were not asked for.</exception>
    public T? ReadCustomStatusAs<T>() => Read<T>(SerializedCustomStatus, nameof(ReadCustomStatusAs), "input and output");

    /// <summary>One line for a log: payloads and messages are cut after 50 characters.</summary>
    public override string ToString()
    {
        string text = string.Create(
            CultureInfo.InvariantCulture, $"Name: '{Name}', ID: '{InstanceId}', RuntimeStatus: {RuntimeStatus}, CreatedAt: {CreatedAt:s}, LastUpdatedAt: {LastUpdatedAt:s}");
        string input = SerializedInput is null ? string.Empty : $", Input: '{Short(SerializedInput)}'";
        string output = SerializedOutput is null ? string.Empty : $", Output: '{Short(SerializedOutput)}'";
        string failure = FailureDetails is null ? string.Empty : $", FailureDetails: '{FailureDetails.ErrorType} - {Short(FailureDetails.ErrorMessage)}'";
        return $"[{text}{input}{output}{failure}]";
    }

    private static string Short(string text) => text.Length <= LongestShown ? text : $"{text[..LongestShown]}...";

    private T? Read<T>(string? text, string method, string payload) => DataConverter is null
        ? throw new InvalidOperationException(
            $"The {method} method can only be used on {nameof(OrchestrationMetadata)} objects that are fetched with the option to include {payload} data.")
        : DataConverter.Deserialize<T>(text);
}
