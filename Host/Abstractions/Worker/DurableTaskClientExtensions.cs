using System.Net;
using System.Text.Json;
using Durable.Host.Client;
using Durable.Host.Http.Management;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>Answers of HTTP functions that start orchestrations: where to look, and how to steer.</summary>
public static class DurableTaskClientExtensions
{
    /// <summary>A 202 response with the addresses of an instance and its status address as <c>Location</c>.</summary>
    public static Task<HttpResponseData> CreateCheckStatusResponseAsync(
        this DurableTaskClient client, HttpRequestData request, string instanceId, CancellationToken cancellation = default) =>
        CreateCheckStatusResponseAsync(client, request, instanceId, HttpStatusCode.Accepted, cancellation);

    /// <summary>The same with another status code.</summary>
    public static async Task<HttpResponseData> CreateCheckStatusResponseAsync(
        this DurableTaskClient client, HttpRequestData request, string instanceId, HttpStatusCode statusCode, CancellationToken cancellation = default)
    {
        (HttpResponseData response, byte[] body) = Prepare(client, request, instanceId, statusCode);
        await response.Body.WriteAsync(body, cancellation);
        return response;
    }

    /// <summary>The same, writing on the caller's thread.</summary>
    public static HttpResponseData CreateCheckStatusResponse(
        this DurableTaskClient client, HttpRequestData request, string instanceId, CancellationToken cancellation = default) =>
        CreateCheckStatusResponse(client, request, instanceId, HttpStatusCode.Accepted, cancellation);

    /// <summary>The same with another status code.</summary>
    public static HttpResponseData CreateCheckStatusResponse(
        this DurableTaskClient client, HttpRequestData request, string instanceId, HttpStatusCode statusCode, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        (HttpResponseData response, byte[] body) = Prepare(client, request, instanceId, statusCode);
        response.Body.Write(body);
        return response;
    }

    /// <summary>The addresses of an instance, under the address <paramref name="request"/> came to.</summary>
    /// <exception cref="InvalidOperationException">There is no request to take the address from.</exception>
    public static HttpManagementPayload CreateHttpManagementPayload(this DurableTaskClient client, string instanceId, HttpRequestData? request = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        string origin = request?.Url.GetLeftPart(UriPartial.Authority) ?? throw new InvalidOperationException(
            "Failed to create HTTP management payload as base URL is null. Either use Functions bindings or provide an HTTP request to create the HttpPayload.");
        string instance = $"{origin}{ManagementEndpoints.Base}/instances/{Uri.EscapeDataString(instanceId)}";
        string? key = (client as EmbeddedDurableTaskClient)?.LinkCode(instanceId);
        string code = key is null ? string.Empty : $"code={Uri.EscapeDataString(key)}";
        string status = With(instance, null);
        return new HttpManagementPayload
        {
            Id = instanceId,
            StatusQueryGetUri = status,
            SendEventPostUri = With($"{instance}/raiseEvent/{{eventName}}", null),
            TerminatePostUri = With($"{instance}/terminate", "reason={{text}}"),
            PurgeHistoryDeleteUri = status,
            SuspendPostUri = With($"{instance}/suspend", "reason={{text}}"),
            ResumePostUri = With($"{instance}/resume", "reason={{text}}"),
        };

        string With(string address, string? parameter)
        {
            string query = string.Join('&', new[] { parameter, code }.Where(p => !string.IsNullOrEmpty(p)));
            return query.Length == 0 ? address : $"{address}?{query}";
        }
    }

    private static (HttpResponseData Response, byte[] Body) Prepare(DurableTaskClient client, HttpRequestData request, string instanceId, HttpStatusCode statusCode)
    {
        ArgumentNullException.ThrowIfNull(request);
        HttpManagementPayload payload = client.CreateHttpManagementPayload(instanceId, request);
        HttpResponseData response = request.CreateResponse(statusCode);
        response.Headers.Add("Location", payload.StatusQueryGetUri);
        response.Headers.Add("Content-Type", "application/json");
        return (response, JsonSerializer.SerializeToUtf8Bytes(payload));
    }
}
