using System.Diagnostics;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Management;

/// <summary>Start and restart, with or without waiting for the result.</summary>
internal sealed partial class ManagementApi
{
    private async Task StartAsync(HttpContext http, string function, string instanceId)
    {
        string body = await RequestJson.ReadAsync(http.Request, http.RequestAborted);
        string? input = string.IsNullOrWhiteSpace(body) ? null : RequestJson.Compact(body);
        if (instanceId.Length == 0)
            instanceId = InstanceIds.New();
        InstanceIds.CheckKept(instanceId, nameof(instanceId));
        OrchestrationRuntimeStatus? active = await StartAsync(
            http,
            new StartRequest(instanceId, function, input, http.Request.Query.Text("version"))
        );
        await (
            active is null
                ? AnswerStartAsync(http, instanceId)
                : ManagementJson.WriteErrorAsync(http, StatusCodes.Status409Conflict, AlreadyExists(active))
        );
    }

    private async Task RestartAsync(HttpContext http, ManagementRoute route)
    {
        if (await FindAsync(route, payloads: true, http.RequestAborted) is not { } old)
        {
            await ManagementJson.WriteErrorAsync(
                http,
                StatusCodes.Status400BadRequest,
                "InstanceId does not match a valid orchestration instance.",
                "System.ArgumentException",
                $"No instance with ID '{route.InstanceId}' was found. (Parameter 'instanceId')"
            );
            return;
        }

        string newId = http.Request.Query.Flag("restartWithNewInstanceId", otherwise: true) ? InstanceIds.New() : old.InstanceId;
        if (await StartAsync(http, new StartRequest(newId, old.Name, old.Input, old.Version, StartAt: null, old.Tags)) is { } active)
        {
            await ManagementJson.WriteErrorAsync(
                http,
                StatusCodes.Status409Conflict,
                "A non-terminal instance with this instance ID already exists.",
                "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
                AlreadyExists(active)
            );
            return;
        }

        await AnswerStartAsync(http, newId);
    }

    private static string AlreadyExists(OrchestrationRuntimeStatus? status) =>
        $"An Orchestration instance with the status {status} already exists.";

    /// <returns>The status of the unfinished instance with this id; null when a new one was started.</returns>
    private async Task<OrchestrationRuntimeStatus?> StartAsync(HttpContext http, StartRequest request)
    {
        string? parent =
            http.Request.Headers.TraceParent is [{ Length: > 0 } header] && ActivityContext.TryParse(header, null, out _)
                ? header
                : Activity.Current?.Id;
        using Activity? span = DurableTelemetry.StartCreateSpan(request.Name, request.InstanceId, parent);
        StartOutcome outcome = await hub.StartAsync(request with { TraceParent = span?.Id ?? parent }, http.RequestAborted);
        if (!outcome.Started)
            return outcome.Status;
        Log.Started(logger, request.Name, request.InstanceId);
        return null;
    }

    // Waiting needs both timeout and pollingInterval. The interval is only validated: the hub signals when the instance is done.
    private async Task AnswerStartAsync(HttpContext http, string instanceId)
    {
        if (http.Request.Query.Seconds("timeout") is { } timeout && http.Request.Query.Seconds("pollingInterval") is { } interval)
        {
            if (interval > timeout)
            {
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status400BadRequest,
                    FormattableString.Invariant(
                        $"Total timeout {timeout.TotalSeconds} should be bigger than retry timeout {interval.TotalSeconds}"
                    )
                );
                return;
            }

            if (await WaitAsync(instanceId, timeout, http.RequestAborted) is { } instance)
            {
                await ManagementJson.WriteAsync(
                    http.Response,
                    StatusCodes.Status200OK,
                    json =>
                    {
                        if (instance.Status == OrchestrationRuntimeStatus.Completed)
                            json.WriteStored(instance.Output);
                        else
                            StatusJson.Write(json, instance, http.Request.Query.Flag("showInput", otherwise: true));
                    },
                    http.RequestAborted
                );
                return;
            }
        }

        InstanceLinks links = InstanceLinks.For(http.Request, hub.Name, instanceId, linkKeys.CodeFor(instanceId));
        http.Response.Headers.Location = links.Status;
        http.Response.Headers.RetryAfter = "10";
        await ManagementJson.WriteAsync(http.Response, StatusCodes.Status202Accepted, links.Write, http.RequestAborted);
    }

    private async Task<InstanceRecord?> WaitAsync(string instanceId, TimeSpan timeout, CancellationToken aborted)
    {
        using CancellationTokenSource limit = new(timeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, aborted);
        try
        {
            return await hub.WaitAsync(instanceId, completion: true, payloads: true, either.Token);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            return null;
        }
    }
}
