using System.Net;
using System.Text.Json;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Http;

/// <summary>Small things every HTTP function needs.</summary>
internal static class HttpAnswers
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static IEnumerable<KeyValuePair<string, string?>> QueryPairs(this HttpRequestData request) =>
        request.Query.AllKeys.OfType<string>().Select(name => KeyValuePair.Create(name, request.Query[name]));

    public static async Task<HttpResponseData> AnswerAsync(this HttpRequestData request, HttpStatusCode status, object body, CancellationToken cancellationToken)
    {
        HttpResponseData response = request.CreateResponse(status);
        response.Headers.Add("Content-Type", "application/json; charset=utf-8");
        await response.WriteStringAsync(JsonSerializer.Serialize(body, Json), cancellationToken);
        return response;
    }

    public static Task<HttpResponseData> RefuseAsync(this HttpRequestData request, HttpStatusCode status, object reason, CancellationToken cancellationToken) =>
        request.AnswerAsync(status, reason, cancellationToken);

    /// <summary>True while an instance has not ended: a second start would be the same run.</summary>
    public static async Task<bool> IsActiveAsync(this DurableTaskClient client, string instanceId, CancellationToken cancellationToken) =>
        await client.GetInstanceAsync(instanceId, cancellationToken) is
        {
            RuntimeStatus: OrchestrationRuntimeStatus.Running or OrchestrationRuntimeStatus.Pending or OrchestrationRuntimeStatus.Suspended,
        };
}
