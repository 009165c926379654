using System.Net;
using System.Text.Json;
using Durable.Tests.AzureHost.Hub;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>Expected answers; on a mismatch the test shows the actual one.</summary>
internal static class Answers
{
    /// <summary>The body of an answer with this status.</summary>
    public static async Task<JsonElement> IsAsync(this Task<(HttpStatusCode Status, JsonElement Body)> answering, HttpStatusCode expected)
    {
        (HttpStatusCode status, JsonElement body) = await answering;
        Assert.True(status == expected, $"{expected} expected: {status} {body}");
        return body;
    }

    /// <summary>The output of an instance that completed.</summary>
    public static async Task<JsonElement> CompletesAsync(this Task<HubInstance> ending)
    {
        HubInstance instance = await ending;
        Assert.True(
            instance.Status == OrchestrationStatus.Completed,
            $"{instance.InstanceId}: {instance.Status} {instance.Output} {instance.Failure}"
        );
        return instance.Output is { } output ? JsonSerializer.Deserialize<JsonElement>(output) : default;
    }

    /// <summary>Why an instance failed.</summary>
    public static async Task<string> FailsAsync(this Task<HubInstance> ending)
    {
        HubInstance instance = await ending;
        Assert.True(instance.Status == OrchestrationStatus.Failed, $"{instance.InstanceId}: {instance.Status} {instance.Output}");
        return instance.Output ?? "";
    }

    /// <summary>A member of a result, whatever the case of its first letter.</summary>
    public static JsonElement Member(this JsonElement result, string name) =>
        result.EnumerateObject().First(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
}
