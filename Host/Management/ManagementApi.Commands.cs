using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Management;

/// <summary>Events, terminate, suspend, resume, rewind: a message to the instance, 202 without body.</summary>
internal sealed partial class ManagementApi
{
    private async Task RaiseEventAsync(HttpContext http, ManagementRoute route)
    {
        InstanceRecord? instance = await FindAsync(route, payloads: false, http.RequestAborted);
        if (instance is null or { CompletedAt: not null })
        {
            Answer(http, instance is null ? StatusCodes.Status404NotFound : StatusCodes.Status410Gone);
            return;
        }

        string mediaType = http.Request.ContentType?.Split(';')[0].Trim() ?? string.Empty;
        if (!mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
        {
            await ManagementJson.WriteErrorAsync(
                http,
                StatusCodes.Status400BadRequest,
                "Only application/json request content is supported"
            );
            return;
        }

        string json = RequestJson.Compact(await RequestJson.ReadAsync(http.Request, http.RequestAborted));
        await SendAsync(
            http,
            instance.InstanceId,
            ManagementOperation.RaiseEvent,
            new HistoryEvent(EventKind.EventRaised, -1, Now, route.Name, json)
        );
    }

    private async Task CommandAsync(HttpContext http, ManagementRoute route)
    {
        string? reason = http.Request.Query.Text("reason");
        bool rewind = route.Operation == ManagementOperation.Rewind;
        if (await FindAsync(route, payloads: false, http.RequestAborted) is not { } instance)
        {
            if (rewind)
                await RefuseAsync(http, StatusCodes.Status404NotFound, $"No orchestration with instance ID \"${route.InstanceId}\" found."); // the extension's dollar sign
            else
                Answer(http, StatusCodes.Status404NotFound);
            return;
        }

        EventKind kind = route.Operation switch
        {
            ManagementOperation.Terminate => EventKind.ExecutionTerminated,
            ManagementOperation.Suspend => EventKind.ExecutionSuspended,
            ManagementOperation.Resume => EventKind.ExecutionResumed,
            _ => EventKind.ExecutionRewound,
        };
        await SendAsync(http, instance.InstanceId, route.Operation, new HistoryEvent(kind, -1, Now, Data: reason));
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    private async Task SendAsync(HttpContext http, string instanceId, ManagementOperation operation, HistoryEvent message)
    {
        SendOutcome outcome = await hub.SendAsync(instanceId, message, http.RequestAborted);
        bool finished =
            outcome.Result == SendResult.Finished
            || outcome.Status is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Terminated;
        switch (outcome.Result)
        {
            case SendResult.Accepted:
                Log.Sent(logger, operation, instanceId);
                Answer(http, StatusCodes.Status202Accepted);
                break;
            case SendResult.NotFound:
                Answer(http, StatusCodes.Status404NotFound);
                break;
            case var _ when operation == ManagementOperation.Rewind:
                await RefuseAsync(
                    http,
                    StatusCodes.Status412PreconditionFailed,
                    $"This orchestration has status {outcome.Status}, but only orchestrations in the \"Failed\" state can be rewound."
                );
                break;
            case var _ when finished:
                Answer(http, StatusCodes.Status410Gone);
                break;
            default:
                throw new RefusedException(
                    "System.InvalidOperationException",
                    $"Cannot {operation.ToString().ToLowerInvariant()} the orchestration instance {instanceId} because instance is in "
                        + $"the {outcome.Status} state."
                );
        }
    }
}
