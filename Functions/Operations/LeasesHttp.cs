using System.Globalization;
using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Leases;
using Durable.Orchestrations.Shared;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Operations;

/// <summary>Paid machines: who has which, until when, at what cost; and the way to end a run that has some.</summary>
public sealed class LeasesHttp(LeaseReader leases)
{
    /// <summary><c>?state=open|overdue|closed|all&amp;cluster=NAME&amp;top=1..200&amp;before=N</c>; default open, 50. 400 names the bad field.</summary>
    [Function("ListLeases")]
    public async Task<HttpResponseData> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "operations/leases")] HttpRequestData request, CancellationToken cancellationToken)
    {
        string state = request.Query["state"] ?? "open";
        int top = 50;
        long before = 0;
        Dictionary<string, string> wrong = [];
        if (!LeaseReader.States.Contains(state)) wrong["state"] = $"one of {string.Join(", ", LeaseReader.States)}";
        if (request.Query["top"] is { } count && (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out top) || top is < 1 or > LeaseReader.MostOnPage))
            wrong["top"] = $"a number from 1 to {LeaseReader.MostOnPage}";
        if (request.Query["before"] is { } mark && !long.TryParse(mark, NumberStyles.None, CultureInfo.InvariantCulture, out before)) wrong["before"] = "the 'before' of the page before";
        if (wrong.Count > 0) return await request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = wrong }, cancellationToken);
        return await request.AnswerAsync(
            HttpStatusCode.OK, await leases.ReadAsync(state, request.Query["cluster"], top, request.Query["before"] is null ? null : before, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Asks a run to end cooperatively: it kills its jobs, stops its machines and fails as cancelled. <c>?reason=TEXT</c>.
    /// 202; only runs on leased machines listen; 404 when there is no such run; 410 when it has ended.
    /// </summary>
    [Function("CancelRun")]
    public static Task<HttpResponseData> CancelAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "operations/runs/{instanceId}/cancel")] HttpRequestData request, string instanceId,
        [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        string reason = request.Query["reason"] is { Length: > 0 } text ? text[..Math.Min(text.Length, 500)] : "asked for over HTTP";
        return client.RaiseAsync(request, instanceId, LeasedCluster.CancelEvent, reason, cancellationToken);
    }
}
