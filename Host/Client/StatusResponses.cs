using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>Answers with the addresses of an instance, on either host.</summary>
public static class StatusResponses
{
    /// <summary>
    /// The official answer of <see cref="Microsoft.Azure.Functions.Worker.DurableTaskClientExtensions"/>. On the embedded host its addresses carry a key for this one instance; on the
    /// Functions host they carry the one of the hub, as ever.
    /// </summary>
    public static Task<HttpResponseData> CreateAsync(
        DurableTaskClient client, HttpRequestData request, string instanceId, HttpStatusCode statusCode, CancellationToken cancellation = default) =>
        WithKey(client, instanceId).CreateCheckStatusResponseAsync(request, instanceId, statusCode, cancellation);

    // The official extension takes the key from its own wrapper around a client, and from nothing else.
    private static DurableTaskClient WithKey(DurableTaskClient client, string instanceId) => client is EmbeddedDurableTaskClient embedded && embedded.LinkCode(instanceId) is { } key
        ? (DurableTaskClient)Wrap(client, $"code={Uri.EscapeDataString(key)}", httpBaseUrl: null, purgeClient: null)
        : client;

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType("Microsoft.Azure.Functions.Worker.FunctionsDurableTaskClient, Microsoft.Azure.Functions.Worker.Extensions.DurableTask")]
    private static extern object Wrap(
        DurableTaskClient inner, string? queryString, string? httpBaseUrl,
        [UnsafeAccessorType("Microsoft.DurableTask.LargePayloadPurge.Abstractions.ILargePayloadPurgeClient, Microsoft.DurableTask.LargePayloadPurge.Abstractions")] object? purgeClient);
}
