using System.Net;
using Durable.Host.Client;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions;

/// <summary>Answers of functions that start orchestrations. In the functions' namespace, so that they take precedence over the official
/// extensions, which put the hub's key into every URL.</summary>
internal static class StatusAnswers
{
    /// <summary>202 with the URLs to watch and control the instance.</summary>
    public static Task<HttpResponseData> CreateCheckStatusResponseAsync(
        this DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        CancellationToken cancellationToken
    ) => StatusResponses.CreateAsync(client, request, instanceId, HttpStatusCode.Accepted, cancellationToken);

    /// <summary>The same with another status code.</summary>
    public static Task<HttpResponseData> CreateCheckStatusResponseAsync(
        this DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        HttpStatusCode statusCode,
        CancellationToken cancellationToken
    ) => StatusResponses.CreateAsync(client, request, instanceId, statusCode, cancellationToken);
}
