using System.Diagnostics;
using Durable.Host.Client;
using Durable.Host.Functions;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Management;

/// <summary>Start and restart, with or without waiting for the result.</summary>
internal sealed partial class ManagementApi
{
    /// <summary>Longest id over this API, as in the extension; the client takes longer ones.</summary>
    private const int LongestId = 256;

    private async Task StartAsync(HttpContext http, string function, string instanceId)
    {
        string body = await RequestJson.ReadAsync(http.Request, http.RequestAborted);
        string? input = string.IsNullOrWhiteSpace(body) ? null : RequestJson.Compact(body);
        if (!functions.HasOrchestrator(function))
            throw new ArgumentException(UnknownFunction.Orchestrator(function, functions));

        if (instanceId.Length == 0)
            instanceId = InstanceIds.New();
        CheckNewId(instanceId);
        await StartAsync(http, new StartRequest(instanceId, function, input, http.Request.Query.Text("version")));
        await AnswerStartAsync(http, instanceId);
    }

    private async Task RestartAsync(HttpContext http, ManagementRoute route)
    {
        if (await FindAsync(route, payloads: true, http.RequestAborted) is not { } old)
        {
            await ManagementJson.WriteErrorAsync(
                http, StatusCodes.Status400BadRequest, "InstanceId does not match a valid orchestration instance.", "System.ArgumentException",
                $"An orchestrastion with the instanceId {route.InstanceId} was not found."); // the extension's spelling
            return;
        }

        string newId = http.Request.Query.Flag("restartWithNewInstanceId", otherwise: true) ? InstanceIds.New() : old.InstanceId;
        await StartAsync(http, new StartRequest(newId, old.Name, old.Input, old.Version, StartAt: null, old.Tags));
        await AnswerStartAsync(http, newId);
    }

    private async Task StartAsync(HttpContext http, StartRequest request)
    {
        string? parent = http.Request.Headers.TraceParent is [{ Length: > 0 } header] && ActivityContext.TryParse(header, null, out _) ? header : Activity.Current?.Id;
        using Activity? span = DurableTelemetry.StartCreateSpan(request.Name, request.InstanceId, parent);
        StartOutcome outcome = await hub.StartAsync(request with { TraceParent = span?.Id ?? parent }, http.RequestAborted);
        if (!outcome.Started)
        {
            throw new RefusedException(
                "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException", $"An Orchestration instance with the status {outcome.Status} already exists.");
        }

        Log.Started(logger, request.Name, request.InstanceId);
    }

    // Both timeout and pollingInterval are needed to wait. The interval only has to fit: the hub says when the instance is done.
    private async Task AnswerStartAsync(HttpContext http, string instanceId)
    {
        if (http.Request.Query.Seconds("timeout") is { } timeout && http.Request.Query.Seconds("pollingInterval") is { } interval)
        {
            if (interval > timeout)
                throw new ArgumentException(FormattableString.Invariant($"Total timeout {timeout.TotalSeconds} should be bigger than retry timeout {interval.TotalSeconds}"));
            if (await WaitAsync(instanceId, timeout, http.RequestAborted) is { } instance)
            {
                await ManagementJson.WriteAsync(http.Response, StatusCodes.Status200OK, json =>
                {
                    if (instance.Status == OrchestrationRuntimeStatus.Completed)
                        json.WriteStored(instance.Output);
                    else
                        StatusJson.Write(json, instance, http.Request.Query.Flag("showInput", otherwise: true));
                }, http.RequestAborted);
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

    // The messages stand where the extension's own end up: as the name of the parameter.
    private static void CheckNewId(string instanceId)
    {
        if (instanceId.StartsWith('@'))
            throw new ArgumentException("instanceId", "Orchestration instance ids must not start with @.");
        if (instanceId.Any(c => c is '/' or '\\' or '#' or '?' || char.IsControl(c)))
            throw new ArgumentException("instanceId", @"Orchestration instance ids must not contain /, \, #, ?, or control characters.");
        if (instanceId.Length > LongestId)
            throw new ArgumentException($"Instance ID lengths must not exceed {LongestId} characters.");
    }
}
