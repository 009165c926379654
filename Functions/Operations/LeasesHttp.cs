using System.Globalization;
using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Operations.Leases;
using Durable.Orchestrations.Shared;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Operations;

/// <summary>Paid machines with holder, deadline and cost, and cancelling a run that holds some.</summary>
public sealed class LeasesHttp(LeaseReader leases)
{
    /// <summary>Every option of the list with its limits.</summary>
    internal static IReadOnlyList<Field> Fields { get; } =
    [
        Field.Choice("state", "Which leases.", LeaseSelection.Open),
        Field.Text("cluster", "Only this cluster's.", 200),
        Field.Whole("top", "Most on a page.", 50, 1, LeaseReader.MostOnPage),
        Field.Text("before", "The 'before' of the previous page.", 19),
    ];

    /// <summary>Every option of a cancellation.</summary>
    internal static IReadOnlyList<Field> CancelFields { get; } = [Field.Text("reason", "Why, for the record.", 500, "asked for over HTTP")];

    /// <summary><c>?state=open|overdue|closed|all&amp;cluster=NAME&amp;top=1..200&amp;before=N</c>; default open, 50. 400 names the bad
    /// field.</summary>
    [Function("ListLeases")]
    public async Task<HttpResponseData> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "operations/leases")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(Fields, cancellationToken);
        (LeaseSelection state, int top, long? before) = (values.Choice<LeaseSelection>("state"), values.Whole("top"), null);
        if (values.Text("before") is { } mark)
        {
            if (long.TryParse(mark, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
                before = number;
            else
                values.Refuse("before", "is not the 'before' of another page");
        }

        string? cluster = values.Text("cluster");
        return values.Errors.Count > 0
            ? await request.RefuseAsync(values, cancellationToken)
            : await request.AnswerAsync(
                HttpStatusCode.OK,
                await leases.ReadAsync(state, cluster, top, before, cancellationToken),
                cancellationToken
            );
    }

    /// <summary>
    /// Cancels a run cooperatively: it kills its jobs, stops its machines and fails as cancelled. <c>?reason=TEXT</c>. 202; only runs on
    /// leased machines listen; 404 when there is no such run; 410 when it has ended.
    /// </summary>
    [Function("CancelRun")]
    public static async Task<HttpResponseData> CancelAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "operations/runs/{instanceId}/cancel")] HttpRequestData request,
        string instanceId,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(CancelFields, cancellationToken);
        string? reason = values.Text("reason");
        return values.Errors.Count > 0
            ? await request.RefuseAsync(values, cancellationToken)
            : await client.RaiseAsync(request, instanceId, LeasedCluster.CancelEvent, reason, cancellationToken);
    }
}
