using Durable.Host.Store;
using DurableTask.Core.Exceptions;
using Grpc.Core;

namespace Durable.Host.Client;

/// <summary>The exceptions of the client, with the texts recorded from the official one.</summary>
internal static class ClientErrors
{
    /// <summary>The id is taken by an instance that has not finished.</summary>
    public static OrchestrationAlreadyExistsException AlreadyExists(string instanceId) =>
        new($"An Orchestration instance with the ID {instanceId} already exists.");

    /// <summary>An event could not be sent.</summary>
    public static RpcException Event(SendOutcome outcome, string instanceId) =>
        outcome.Result == SendResult.NotFound
            ? Rpc(StatusCode.NotFound, $"No instance with ID '{instanceId}' was found. (Parameter 'instanceId')")
            : Rpc(StatusCode.FailedPrecondition, "The orchestration instance with the provided instance id is not running.");

    /// <summary>An instance could not be terminated, suspended or resumed, as <paramref name="verb"/> says.</summary>
    public static RpcException Steer(string verb, SendOutcome outcome, string instanceId) =>
        outcome.Result == SendResult.NotFound
            ? Rpc(StatusCode.NotFound, $"ArgumentException: No instance with ID '{instanceId}' was found. (Parameter 'instanceId')")
            : Rpc(
                StatusCode.FailedPrecondition,
                "InvalidOperationException: "
                    + $"Cannot {verb} the orchestration instance {instanceId} because instance is in the {outcome.Status} state."
            );

    /// <summary>There is nothing to wait for.</summary>
    public static RpcException NothingToWaitFor(string instanceId) =>
        Rpc(StatusCode.NotFound, $"No instance with ID '{instanceId}' was found.");

    /// <summary>An instance could not be rewound.</summary>
    public static Exception Rewind(SendOutcome outcome, string instanceId) =>
        outcome.Result == SendResult.NotFound
            ? Unknown(instanceId)
            : new InvalidOperationException("The rewind operation is only supported on failed orchestration instances.");

    /// <summary>No such instance, for rewind and restart.</summary>
    public static ArgumentException Unknown(string instanceId) => new($"An orchestration with the instanceId {instanceId} was not found.");

    private static RpcException Rpc(StatusCode code, string detail) => new(new Status(code, detail));
}
