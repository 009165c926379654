using System.Net;
using System.Runtime.CompilerServices;
using Durable.Host.Management;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>Responses with the URLs of an instance, on either host.</summary>
public static class StatusResponses
{
    /// <summary>
    /// The official answer of <see cref="Microsoft.Azure.Functions.Worker.DurableTaskClientExtensions"/>. On the embedded host its URLs
    /// carry a key for this instance only; on the Functions host they carry the hub's key.
    /// </summary>
    public static Task<HttpResponseData> CreateAsync(
        DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        HttpStatusCode statusCode,
        CancellationToken cancellation = default
    ) => ForInstance(client, instanceId).CreateCheckStatusResponseAsync(request, instanceId, statusCode, cancellation);

    /// <summary>The client with the key and host of its links: the official extension reads both only from its own wrapper around a
    /// client.</summary>
    /// <param name="client">The host's client.</param>
    /// <param name="key">The key in every link; null: none.</param>
    /// <param name="publicHost">Host of links made without a request; null: no such links.</param>
    internal static DurableTaskClient WithLinks(DurableTaskClient client, string? key, string? publicHost = null) =>
        (DurableTaskClient)Wrap(
            client,
            key is null ? null : $"code={Uri.EscapeDataString(key)}",
            publicHost is null ? null : $"https://{publicHost}{ManagementEndpoints.Base}",
            purgeClient: null
        );

    private static DurableTaskClient ForInstance(DurableTaskClient client, string instanceId) =>
        client is EmbeddedDurableTaskClient embedded && embedded.LinkCode(instanceId) is { } key ? WithLinks(client, key) : client;

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(
        "Microsoft.Azure.Functions.Worker.FunctionsDurableTaskClient, Microsoft.Azure.Functions.Worker.Extensions.DurableTask"
    )]
    private static extern object Wrap(
        DurableTaskClient inner,
        string? queryString,
        string? httpBaseUrl,
        [UnsafeAccessorType(
            "Microsoft.DurableTask.LargePayloadPurge.Abstractions.ILargePayloadPurgeClient, Microsoft.DurableTask.LargePayloadPurge.Abstractions"
        )]
            object? purgeClient
    );
}
