using System.Collections.Concurrent;
using Durable.Tests.AzureHost.Rpc;

namespace Durable.Tests.AzureHost.Worker;

/// <summary>The official worker with the app's functions loaded: what the host calls, by name, and a record of which were called.</summary>
internal sealed class FunctionsWorker(WorkerChannel channel)
{
    private readonly ConcurrentDictionary<string, bool> called = [];

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, LoadedFunction> Functions { get; private set; } = new Dictionary<string, LoadedFunction>();

    /// <summary>Where the worker takes HTTP requests.</summary>
    public Uri HttpUri { get; private set; } = null!;

    /// <summary>Functions without a successful call.</summary>
    public IEnumerable<string> Uncalled => Functions.Keys.Where(name => !called.ContainsKey(name)).Order(StringComparer.Ordinal);

    /// <summary>Greets the worker, asks for its functions and loads every one.</summary>
    public async Task LoadAsync(AppSettings settings)
    {
        await channel.Started;
        WorkerInitResponse init = (
            await channel.AskAsync(
                new StreamingMessage
                {
                    WorkerInitRequest = new WorkerInitRequest
                    {
                        HostVersion = "4.1037.0.0",
                        WorkerDirectory = AppOutput.Folder,
                        FunctionAppDirectory = AppOutput.Folder,
                    },
                }
            )
        ).WorkerInitResponse;
        Check(init.Result, "The worker");
        HttpUri = new Uri(init.Capabilities["HttpUri"]);

        FunctionMetadataResponse metadata = (
            await channel.AskAsync(
                new StreamingMessage { FunctionsMetadataRequest = new FunctionsMetadataRequest { FunctionAppDirectory = AppOutput.Folder } }
            )
        ).FunctionMetadataResponse;
        Check(metadata.Result, "The metadata");
        Functions = metadata.FunctionMetadataResults.Select(one => new LoadedFunction(one, settings)).ToDictionary(one => one.Name);
        await Task.WhenAll(Functions.Values.Select(LoadAsync));
    }

    /// <summary>Calls a function.</summary>
    /// <param name="function">Which.</param>
    /// <param name="trigger">Data of its trigger.</param>
    /// <param name="metadata">Trigger metadata: route values, the instance id.</param>
    /// <param name="inputs">Data of its other inputs, by parameter.</param>
    /// <param name="invocationId">The id of the call; null: a new one.</param>
    public async Task<InvocationResponse> CallAsync(
        LoadedFunction function,
        TypedData? trigger,
        IReadOnlyDictionary<string, string>? metadata = null,
        IReadOnlyDictionary<string, string>? inputs = null,
        string? invocationId = null
    )
    {
        InvocationRequest request = new()
        {
            InvocationId = invocationId ?? Guid.NewGuid().ToString(),
            FunctionId = function.Id,
            TraceContext = new RpcTraceContext(),
            RetryContext = new RetryContext(),
        };
        request.InputData.Add(new ParameterBinding { Name = function.TriggerName, Data = trigger });
        foreach ((string name, string data) in inputs ?? new Dictionary<string, string>())
            request.InputData.Add(
                new ParameterBinding
                {
                    Name = name,
                    Data = new TypedData { String = data },
                }
            );
        foreach ((string name, string data) in metadata ?? new Dictionary<string, string>())
            request.TriggerMetadata[name] = new TypedData { String = data };
        InvocationResponse response = (await channel.AskAsync(new StreamingMessage { InvocationRequest = request })).InvocationResponse;
        if (response.Result.Status == StatusResult.Types.Status.Success)
            called[function.Name] = true;
        return response;
    }

    /// <summary>Asks the worker to end; it does so by itself.</summary>
    public ValueTask TerminateAsync() => channel.TellAsync(new StreamingMessage { WorkerTerminate = new WorkerTerminate() });

    private async Task LoadAsync(LoadedFunction function)
    {
        FunctionLoadRequest load = new() { FunctionId = function.Id, Metadata = function.Metadata };
        Check((await channel.AskAsync(new StreamingMessage { FunctionLoadRequest = load })).FunctionLoadResponse.Result, function.Name);
    }

    private static void Check(StatusResult result, string what)
    {
        if (result.Status != StatusResult.Types.Status.Success)
            throw new InvalidOperationException($"{what} did not load: {result.Exception?.Message}");
    }
}
