using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Hub;

/// <summary>
/// What the durable client in the worker calls: the extension's side of <c>TaskHubSidecarService</c>, over the hub in memory.
/// </summary>
internal sealed class SidecarService(TaskHub hub) : TaskHubSidecarService.TaskHubSidecarServiceBase
{
    public override Task<CreateInstanceResponse> StartInstance(CreateInstanceRequest request, ServerCallContext context)
    {
        string id = request.InstanceId.Length > 0 ? request.InstanceId : Guid.NewGuid().ToString("N");
        return hub.Start(id, request.Name, request.Input, replaceable: request.OrchestrationIdReusePolicy?.ReplaceableStatus)
            ? Task.FromResult(new CreateInstanceResponse { InstanceId = id })
            : throw new RpcException(new Status(StatusCode.AlreadyExists, $"An Orchestration instance with the ID {id} already exists."));
    }

    public override Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context) =>
        Task.FromResult(
            hub.Find(request.InstanceId) is { } instance
                ? new GetInstanceResponse { Exists = true, OrchestrationState = instance.Show(request.GetInputsAndOutputs) }
                : new GetInstanceResponse()
        );

    public override Task<GetInstanceResponse> WaitForInstanceStart(GetInstanceRequest request, ServerCallContext context) =>
        WaitAsync(request, instance => instance.Started.Task, context);

    public override Task<GetInstanceResponse> WaitForInstanceCompletion(GetInstanceRequest request, ServerCallContext context) =>
        WaitAsync(request, instance => instance.Ended.Task, context);

    public override Task<RaiseEventResponse> RaiseEvent(RaiseEventRequest request, ServerCallContext context)
    {
        hub.Post(Running(request.InstanceId), Events.Raised(request.Name, request.Input));
        return Task.FromResult(new RaiseEventResponse());
    }

    public override Task<TerminateResponse> TerminateInstance(TerminateRequest request, ServerCallContext context)
    {
        hub.Terminate(Running(request.InstanceId), request.Output);
        return Task.FromResult(new TerminateResponse());
    }

    public override Task<QueryInstancesResponse> QueryInstances(QueryInstancesRequest request, ServerCallContext context)
    {
        InstanceQuery query = request.Query;
        QueryInstancesResponse response = new();
        response.OrchestrationState.Add(
            hub.Instances.Where(instance => instance.InstanceId.StartsWith(query.InstanceIdPrefix ?? "", StringComparison.Ordinal))
                .Where(instance => query.RuntimeStatus.Count == 0 || query.RuntimeStatus.Contains(instance.Status))
                .Where(instance => query.CreatedTimeFrom is null || instance.CreatedAt.ToTimestamp() >= query.CreatedTimeFrom)
                .Where(instance => query.CreatedTimeTo is null || instance.CreatedAt.ToTimestamp() <= query.CreatedTimeTo)
                .OrderBy(instance => instance.InstanceId, StringComparer.Ordinal)
                .Select(instance => instance.Show(query.FetchInputsAndOutputs))
        );
        return Task.FromResult(response);
    }

    public override Task<PurgeInstancesResponse> PurgeInstances(PurgeInstancesRequest request, ServerCallContext context) =>
        Task.FromResult(new PurgeInstancesResponse { DeletedInstanceCount = hub.Purge(request.InstanceId) ? 1 : 0 });

    private HubInstance Running(string instanceId)
    {
        HubInstance instance = Known(instanceId);
        return !instance.HasEnded
            ? instance
            : throw new RpcException(
                new Status(StatusCode.FailedPrecondition, "The orchestration instance with the provided instance id is not running.")
            );
    }

    private HubInstance Known(string instanceId) =>
        hub.Find(instanceId)
        ?? throw new RpcException(
            new Status(StatusCode.NotFound, $"No instance with ID '{instanceId}' was found. (Parameter 'instanceId')")
        );

    private async Task<GetInstanceResponse> WaitAsync(GetInstanceRequest request, Func<HubInstance, Task> until, ServerCallContext context)
    {
        HubInstance instance = Known(request.InstanceId);
        await until(instance).WaitAsync(context.CancellationToken);
        return new GetInstanceResponse { Exists = true, OrchestrationState = instance.Show(request.GetInputsAndOutputs) };
    }
}
