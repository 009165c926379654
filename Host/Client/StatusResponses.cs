using System.Net;
using System.Runtime.CompilerServices;
using Durable.Host.Management;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>Answers with the addresses of an instance, on either host.</summary>
public static class StatusResponses
{
    /// <summary>
    /// The official answer of <see cref="Microsoft.Azure.Functions.Worker.DurableTaskClientExtensions"/>. On the embedded host its
    /// addresses carry a key for this one instance; on the Functions host they carry the one of the hub, as ever.
    /// </summary>
    public static Task<HttpResponseData> CreateAsync(
        DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        HttpStatusCode statusCode,
        CancellationToken cancellation = default
    ) => ForInstance(client, instanceId).CreateCheckStatusResponseAsync(request, instanceId, statusCode, cancellation);

    /// <summary>The client with what its links carry: the official extension takes both from its own wrapper around a client, and from
    /// nothing else.</summary>
    /// <param name="client">The host's.</param>
    /// <param name="key">The key of every link; null: none.</param>
    /// <param name="publicHost">Where links lead that are made without a request; null: there are none.</param>
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
