using System.Text.Json;
using Durable.Tests.AzureHost.Rpc;
using Durable.Tests.AzureHost.Worker;
using Google.Protobuf;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Hub;

/// <summary>Calls of orchestrators and activities in the worker, their payloads wrapped as the durable extension wraps them.</summary>
internal sealed class DurableCalls(FunctionsWorker worker)
{
    /// <summary>Runs one turn: protobuf in base64 goes in, protobuf in base64 comes out.</summary>
    public async Task<OrchestratorResponse> TurnAsync(string orchestrator, OrchestratorRequest request)
    {
        LoadedFunction function = Find(orchestrator, "orchestrationTrigger");
        InvocationResponse response = await worker.CallAsync(
            function,
            new TypedData { String = Convert.ToBase64String(request.ToByteArray()) },
            new Dictionary<string, string> { ["instanceId"] = request.InstanceId }
        );
        return response.Result.Status == StatusResult.Types.Status.Success
            ? OrchestratorResponse.Parser.ParseFrom(Convert.FromBase64String(response.ReturnValue.String))
            : throw new InvalidOperationException($"{orchestrator} did not answer its turn: {response.Result.Exception?.Message}");
    }

    /// <summary>Runs an activity; a failure comes back as data.</summary>
    /// <param name="input">As the orchestrator gave it: a JSON array of one element.</param>
    public async Task<(string? Result, TaskFailureDetails? Failure)> ActivityAsync(string activity, string instanceId, string? input)
    {
        LoadedFunction function = Find(activity, "activityTrigger");
        InvocationResponse response = await worker.CallAsync(
            function,
            new TypedData { String = Unwrap(input) },
            new Dictionary<string, string> { ["instanceId"] = instanceId }
        );
        return response.Result.Status == StatusResult.Types.Status.Success
            ? (Result(response.ReturnValue), null)
            : (null, Failure(response.Result.Exception));
    }

    private LoadedFunction Find(string name, string trigger) =>
        worker.Functions.GetValueOrDefault(name) is { } function && function.TriggerType == trigger
            ? function
            : throw new InvalidOperationException($"No function {name} has the trigger {trigger}.");

    private static string Unwrap(string? input)
    {
        if (input is null)
            return "null";
        using JsonDocument arguments = JsonDocument.Parse(input);
        return arguments.RootElement.ValueKind == JsonValueKind.Array && arguments.RootElement.GetArrayLength() == 1
            ? arguments.RootElement[0].GetRawText()
            : input;
    }

    private static string? Result(TypedData? value) =>
        value?.DataCase switch
        {
            TypedData.DataOneofCase.String => JsonSerializer.Serialize(value.String),
            TypedData.DataOneofCase.Json => value.Json,
            _ => null,
        };

    /// <summary>The durable middleware of the worker serialises what the SDK knows of an exception into its message.</summary>
    private static TaskFailureDetails Failure(Rpc.RpcException exception)
    {
        int json = exception.Message.IndexOf('{', StringComparison.Ordinal);
        if (exception.Type.EndsWith("DurableSerializationException", StringComparison.Ordinal) && json >= 0)
            return Read(JsonSerializer.Deserialize<JsonElement>(exception.Message[json..]));
        return new TaskFailureDetails
        {
            ErrorType = exception.Type,
            ErrorMessage = exception.Message,
            StackTrace = exception.StackTrace,
        };

        static TaskFailureDetails Read(JsonElement details)
        {
            Dictionary<string, JsonElement> members = details
                .EnumerateObject()
                .ToDictionary(member => member.Name, member => member.Value, StringComparer.OrdinalIgnoreCase);
            return new TaskFailureDetails
            {
                ErrorType = members["errorType"].GetString(),
                ErrorMessage = members["errorMessage"].GetString(),
                StackTrace =
                    members.TryGetValue("stackTrace", out JsonElement stack) && stack.ValueKind == JsonValueKind.String
                        ? stack.GetString()
                        : null,
                InnerFailure =
                    members.TryGetValue("innerFailure", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object
                        ? Read(inner)
                        : null,
            };
        }
    }
}
