using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>Stored instances as the client shows them.</summary>
internal static class InstanceMetadata
{
    /// <summary>
    /// Maps an instance as the official client does: an unset custom status reads "null" once the instance has run, <c>FailureDetails</c>
    /// stays null (the text is in the output), and without <paramref name="payloads"/> there are no values and no converter.
    /// </summary>
    public static OrchestrationMetadata From(InstanceRecord instance, bool payloads, DataConverter converter) =>
        new(instance.Name, instance.InstanceId)
        {
            RuntimeStatus = instance.Status,
            CreatedAt = instance.CreatedAt,
            LastUpdatedAt = instance.UpdatedAt,
            Tags = instance.Tags ?? new Dictionary<string, string>(),
            DataConverter = payloads ? converter : null,
            SerializedInput = payloads ? instance.Input : null,
            SerializedOutput = payloads && instance.Output is { Length: > 0 } output ? output : null,
            SerializedCustomStatus = !payloads
                ? null
                : instance.CustomStatus ?? (instance.Status == OrchestrationRuntimeStatus.Pending ? null : "null"),
        };
}
