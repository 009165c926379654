using System.Collections.Concurrent;
using Durable.Host.Functions;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;

namespace Durable.Tests.Host.Engine;

/// <summary>Functions of a scenario as plain delegates, so that a test reads as one story.</summary>
internal sealed class ScenarioRuntime : IFunctionRuntime
{
    private readonly Dictionary<string, Func<TaskOrchestrationContext, Task<object?>>> orchestrators = new(
        StringComparer.OrdinalIgnoreCase
    );
    private readonly Dictionary<string, Func<ActivityCall, CancellationToken, Task<string?>>> activities = new(
        StringComparer.OrdinalIgnoreCase
    );

    /// <summary>Every activity attempt: "name:input".</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public IReadOnlyList<string> OrchestratorNames => [.. orchestrators.Keys.Order(StringComparer.Ordinal)];

    public IReadOnlyList<string> ActivityNames => [.. activities.Keys.Order(StringComparer.Ordinal)];

    public ScenarioRuntime Orchestrator<T>(string name, Func<TaskOrchestrationContext, Task<T>> code)
    {
        orchestrators[name] = async context => await code(context);
        return this;
    }

    public ScenarioRuntime Activity<TInput, TResult>(string name, Func<TInput, Task<TResult>> code) =>
        Activity<TInput, TResult>(name, (input, _) => code(input));

    public ScenarioRuntime Activity<TInput, TResult>(string name, Func<TInput, CancellationToken, Task<TResult>> code)
    {
        activities[name] = async (call, cancellation) =>
        {
            JsonDataConverter json = new();
            return json.Serialize(await code((TInput)json.Deserialize(call.Input!, typeof(TInput))!, cancellation));
        };
        return this;
    }

    public bool HasOrchestrator(string name) => orchestrators.ContainsKey(name);

    public bool HasActivity(string name) => activities.ContainsKey(name);

    public Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input) =>
        orchestrators[name](context);

    public Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation)
    {
        Calls.Enqueue($"{call.Name}:{call.Input}");
        return activities[call.Name](call, cancellation);
    }
}
