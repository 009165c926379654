using System.Net;
using DurableTask.Core.Exceptions;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Http;

/// <summary>Starts of runs, and messages to them, for every HTTP function. Check and action are two steps: a change in between is an
/// answer, not an error.</summary>
internal static class Starts
{
    /// <summary>
    /// Starts a run under an id that says what it does. 202 with the status links; 409 with the links of the unfinished run with that id,
    /// also when it started between check and start: of many concurrent starts one runs.
    /// </summary>
    public static async Task<HttpResponseData> StartAsync(
        this DurableTaskClient client,
        HttpRequestData request,
        string orchestration,
        string instanceId,
        object? input,
        CancellationToken cancellationToken
    )
    {
        return await client.TryStartAsync(orchestration, instanceId, input, cancellationToken)
            ? await client.CreateCheckStatusResponseAsync(request, instanceId, cancellationToken)
            : await client.RefuseActiveAsync(request, instanceId, cancellationToken);
    }

    /// <summary>Starts a run unless one with that id is unfinished.</summary>
    /// <returns>False when there is one, which does the same.</returns>
    public static async Task<bool> TryStartAsync(
        this DurableTaskClient client,
        string orchestration,
        string instanceId,
        object? input,
        CancellationToken cancellationToken
    )
    {
        if (await client.IsActiveAsync(instanceId, cancellationToken))
            return false;
        try
        {
            await client.ScheduleNewOrchestrationInstanceAsync(
                orchestration,
                input,
                new StartOrchestrationOptions(instanceId),
                cancellationToken
            );
            return true;
        }
        catch (OrchestrationAlreadyExistsException)
        {
            return false; // started since the check
        }
    }

    /// <summary>409 with the status links of the run in the way.</summary>
    public static Task<HttpResponseData> RefuseActiveAsync(
        this DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        CancellationToken cancellationToken
    ) => client.CreateCheckStatusResponseAsync(request, instanceId, HttpStatusCode.Conflict, cancellationToken);

    /// <summary>True while an instance has not ended: a second start would be the same run.</summary>
    public static async Task<bool> IsActiveAsync(this DurableTaskClient client, string instanceId, CancellationToken cancellationToken) =>
        await client.GetInstanceAsync(instanceId, cancellationToken) is { } run && !run.IsCompleted;

    /// <summary>Sends an event to a run: 202 with the status links; 404 when there is no such run; 410 when it has ended, also between
    /// check and event.</summary>
    public static async Task<HttpResponseData> RaiseAsync(
        this DurableTaskClient client,
        HttpRequestData request,
        string instanceId,
        string eventName,
        object? payload,
        CancellationToken cancellationToken
    )
    {
        if (await client.GetInstanceAsync(instanceId, cancellationToken) is not { } run)
            return await request.RefuseAsync(HttpStatusCode.NotFound, $"There is no run {instanceId}.", cancellationToken);
        if (!run.IsCompleted)
        {
            try
            {
                await client.RaiseEventAsync(instanceId, eventName, payload, cancellationToken);
                return await client.CreateCheckStatusResponseAsync(request, instanceId, cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The clients of the two hosts throw different types for a run that ended meanwhile: its current state decides.
                run = await client.GetInstanceAsync(instanceId, cancellationToken);
                if (run is { IsCompleted: false })
                    throw;
            }
        }

        return await request.RefuseAsync(
            HttpStatusCode.Gone,
            $"{instanceId} has ended: {run?.RuntimeStatus.ToString() ?? "purged"}.",
            cancellationToken
        );
    }
}
