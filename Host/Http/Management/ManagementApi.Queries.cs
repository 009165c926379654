using Durable.Host.History;
using Durable.Host.Store;
using Durable.Host.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Http.Management;

/// <summary>Status, listing and purging.</summary>
internal sealed partial class ManagementApi
{
    private async Task StatusAsync(HttpContext http, string instanceId)
    {
        IQueryCollection query = http.Request.Query;
        if (await FindAsync(instanceId, payloads: true, http.RequestAborted) is not { } instance)
        {
            Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        IReadOnlyList<HistoryEvent>? history = query.Flag("showHistory", otherwise: false) ? await hub.ReadHistoryAsync(instance.InstanceId, http.RequestAborted) : null;
        int status = instance.Status switch
        {
            OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Terminated or OrchestrationRuntimeStatus.Canceled => StatusCodes.Status200OK,
            OrchestrationRuntimeStatus.Failed when query.Flag("returnInternalServerErrorOnFailure", otherwise: false) => StatusCodes.Status500InternalServerError,
            OrchestrationRuntimeStatus.Failed => StatusCodes.Status200OK,
            _ => StatusCodes.Status202Accepted,
        };
        if (status == StatusCodes.Status202Accepted)
        {
            http.Response.Headers.Location = UrlOf(http);
            http.Response.Headers.RetryAfter = "5";
        }

        await ManagementJson.WriteAsync(
            http.Response, status,
            json => StatusJson.Write(json, instance, query.Flag("showInput", otherwise: true), history, query.Flag("showHistoryOutput", otherwise: false)),
            http.RequestAborted);
    }

    private async Task ListAsync(HttpContext http)
    {
        InstancePage page = ManagementQuery.Listing(http.Request) is { } query ? await hub.ListAsync(query, http.RequestAborted) : new InstancePage([], Next: null);
        if (PageToken.Write(page.Next) is { } token)
            http.Response.Headers["x-ms-continuation-token"] = token;
        bool showInput = http.Request.Query.Flag("showInput", otherwise: true);
        await ManagementJson.WriteAsync(http.Response, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray();
            foreach (InstanceRecord instance in page.Instances)
                StatusJson.Write(json, instance, showInput);
            json.WriteEndArray();
        }, http.RequestAborted);
    }

    private async Task PurgeAsync(HttpContext http, string instanceId)
    {
        string found = (await FindAsync(instanceId, payloads: false, http.RequestAborted))?.InstanceId ?? instanceId;
        await AnswerPurgedAsync(http, await hub.PurgeAsync(found, recursive: false, http.RequestAborted));
    }

    private async Task PurgeManyAsync(HttpContext http)
    {
        IQueryCollection query = http.Request.Query;
        if (query.Time("createdTimeFrom") is not { } from)
        {
            await RefuseAsync(http, "Please provide value for 'createdTimeFrom' parameter.");
            return;
        }

        IReadOnlyList<OrchestrationRuntimeStatus> statuses = query.Statuses(out string? unknown);
        if (unknown is not null || (query.ContainsKey("createdTimeTo") && query.Time("createdTimeTo") is null))
        {
            // The extension ignores what it cannot read and deletes more than was meant, running instances too.
            await RefuseAsync(http, unknown is not null
                ? $"'{unknown}' is no runtimeStatus; nothing was deleted. Statuses are spelled as in {string.Join(", ", Enum.GetNames<OrchestrationRuntimeStatus>())}."
                : "The value of 'createdTimeTo' is no time; nothing was deleted.");
            return;
        }

        InstanceQuery filter = new(from, query.Time("createdTimeTo") ?? time.GetUtcNow(), statuses);
        await AnswerPurgedAsync(http, await hub.PurgeAsync(filter, recursive: false, http.RequestAborted));

        static Task RefuseAsync(HttpContext http, string message) =>
            ManagementJson.WriteAsync(http.Response, StatusCodes.Status400BadRequest, json => json.WriteStringValue(message), http.RequestAborted);
    }

    private async Task AnswerPurgedAsync(HttpContext http, int purged)
    {
        if (purged == 0)
        {
            Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        Log.Purged(logger, purged, http.Request.Path);
        await ManagementJson.WriteAsync(http.Response, StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("instancesDeleted", purged);
            json.WriteEndObject();
        }, http.RequestAborted);
    }

    // As it was asked for, not as it was decoded.
    private static string UrlOf(HttpContext http)
    {
        string target = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? string.Empty;
        return target.StartsWith('/') ? $"{http.Request.Scheme}://{http.Request.Host}{target}" : target;
    }
}
