using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Management;

/// <summary>Status, listing and purging.</summary>
internal sealed partial class ManagementApi
{
    private async Task StatusAsync(HttpContext http, ManagementRoute route)
    {
        IQueryCollection query = http.Request.Query;
        bool showInput = query.Flag("showInput", otherwise: true);
        if (await FindAsync(route, payloads: true, http.RequestAborted, showInput) is not { } instance)
        {
            Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        IReadOnlyList<HistoryEvent>? history = query.Flag("showHistory", otherwise: false)
            ? await hub.ReadHistoryAsync(instance.InstanceId, http.RequestAborted)
            : null;
        int status = instance.Status switch
        {
            OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Terminated => StatusCodes.Status200OK,
            OrchestrationRuntimeStatus.Failed when query.Flag("returnInternalServerErrorOnFailure", otherwise: false) =>
                StatusCodes.Status500InternalServerError,
            OrchestrationRuntimeStatus.Failed => StatusCodes.Status200OK,
            _ => StatusCodes.Status202Accepted,
        };
        if (status == StatusCodes.Status202Accepted)
        {
            http.Response.Headers.Location = UrlOf(http);
            http.Response.Headers.RetryAfter = "5";
        }

        await ManagementJson.WriteAsync(
            http.Response,
            status,
            json => StatusJson.Write(json, instance, showInput, history, query.Flag("showHistoryOutput", otherwise: false)),
            http.RequestAborted
        );
    }

    private async Task ListAsync(HttpContext http)
    {
        InstancePage page = ManagementQuery.Listing(http.Request) is { } query
            ? await hub.ListAsync(query, http.RequestAborted)
            : new InstancePage([], Next: null);
        if (PageToken.Write(page.Next) is { } token)
            http.Response.Headers["x-ms-continuation-token"] = token;
        bool showInput = http.Request.Query.Flag("showInput", otherwise: true);
        await ManagementJson.WriteArrayAsync(
            http.Response,
            page.Instances,
            (json, instance) => StatusJson.Write(json, instance, showInput),
            http.RequestAborted
        );
    }

    private async Task PurgeAsync(HttpContext http, ManagementRoute route)
    {
        if (await FindAsync(route, payloads: false, http.RequestAborted) is not { } instance)
        {
            Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        // The statement checks the status again, so an instance restarted meanwhile is kept.
        int purged = await hub.PurgeAsync(
            new InstanceQuery(Statuses: ManagementQuery.Finished, InstanceId: instance.InstanceId),
            recursive: false,
            http.RequestAborted
        );
        if (purged == 0 && await hub.GetAsync(instance.InstanceId, payloads: false, http.RequestAborted) is { CompletedAt: null } running)
        {
            await RefuseAsync(
                http,
                StatusCodes.Status412PreconditionFailed,
                "Only orchestrations in a terminal state can be purged, "
                    + $"but the orchestration with instance ID {running.InstanceId} has status {running.Status}"
            );
            return;
        }

        await AnswerPurgedAsync(http, purged);
    }

    private async Task PurgeManyAsync(HttpContext http)
    {
        IQueryCollection query = http.Request.Query;
        if (query.Time("createdTimeFrom") is not { } from)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, "Please provide value for 'createdTimeFrom' parameter.");
            return;
        }

        IReadOnlyList<OrchestrationRuntimeStatus> statuses = query.Statuses(out string? unknown);
        if (unknown is not null || (query.ContainsKey("createdTimeTo") && query.Time("createdTimeTo") is null))
        {
            // The extension ignores unreadable filters and so deletes more than meant, even running instances.
            await RefuseAsync(
                http,
                StatusCodes.Status400BadRequest,
                unknown is not null
                    ? $"'{unknown}' is no runtimeStatus; nothing was deleted. "
                        + $"Statuses are spelled as in {string.Join(", ", Enum.GetNames<OrchestrationRuntimeStatus>())}."
                    : "The value of 'createdTimeTo' is no time; nothing was deleted."
            );
            return;
        }

        if (statuses.Except(ManagementQuery.Finished).ToArray() is [var open, ..])
        {
            await RefuseAsync(
                http,
                StatusCodes.Status400BadRequest,
                $"Instances in status {open} have not ended; terminate them first. Nothing was deleted."
            );
            return;
        }

        InstanceQuery filter = new(
            from,
            query.Time("createdTimeTo") ?? time.GetUtcNow(),
            statuses.Count > 0 ? statuses : ManagementQuery.Finished
        );
        await AnswerPurgedAsync(http, await hub.PurgeAsync(filter, recursive: false, http.RequestAborted));
    }

    /// <summary>A JSON string: the extension's form of refusing purges and rewinds.</summary>
    private static Task RefuseAsync(HttpContext http, int status, string message) =>
        ManagementJson.WriteAsync(http.Response, status, json => json.WriteStringValue(message), http.RequestAborted);

    private async Task AnswerPurgedAsync(HttpContext http, int purged)
    {
        if (purged == 0)
        {
            Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        Log.Purged(logger, purged, http.Request.Path);
        await ManagementJson.WriteAsync(
            http.Response,
            StatusCodes.Status200OK,
            json =>
            {
                json.WriteStartObject();
                json.WriteNumber("instancesDeleted", purged);
                json.WriteEndObject();
            },
            http.RequestAborted
        );
    }

    // As requested, not as decoded.
    private static string UrlOf(HttpContext http)
    {
        string target = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? string.Empty;
        return target.StartsWith('/') ? $"{http.Request.Scheme}://{http.Request.Host}{target}" : target;
    }
}
