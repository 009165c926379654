using Durable.Host.Client;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Host.Management;

/// <summary>The management API over a task hub in memory, on a free port of 127.0.0.1.</summary>
internal sealed class ManagementHost(TestHttpHost http, FakeTaskHub hub) : IAsyncDisposable
{
    public const string Base = "/runtime/webhooks/durabletask";
    public const string SystemKey = "system-key";
    public const string MasterKey = "master-key";
    public const string FunctionKey = "function-key";

    public FakeTaskHub Hub => hub;

    public TestHttpHost Http => http;

    /// <summary>Address of the host, without slash at the end.</summary>
    public string Origin => http.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    /// <param name="keys">Whether keys are required, as off loopback.</param>
    public static async Task<ManagementHost> StartAsync(bool keys = false)
    {
        FakeTaskHub hub = new();
        Dictionary<string, string?> settings = new()
        {
            ["Durable:RequireKeys"] = keys.ToString(),
            ["Keys:master"] = MasterKey,
            ["Keys:host:default"] = FunctionKey,
            ["Keys:system:durabletask_extension"] = SystemKey,
        };
        TestHttpHost http = await TestHttpHost.StartAsync(
            typeof(Orchestrators),
            settings,
            services: services => services.AddSingleton<ITaskHub>(hub).AddDurableClient()
        );
        return new ManagementHost(http, hub);
    }

    public Task<Answer> GetAsync(string path, params (string, string)[] headers) => http.SendAsync("GET", Base + path, null, null, headers);

    public Task<Answer> PostAsync(string path, string? json = null, string? key = null) => http.SendAsync("POST", Base + path, json, key);

    public Task<Answer> DeleteAsync(string path) => http.SendAsync("DELETE", Base + path);

    public ValueTask DisposeAsync() => http.DisposeAsync();

    public static class Orchestrators
    {
        [Function("Hello")]
        public static Task<string> HelloAsync([OrchestrationTrigger] TaskOrchestrationContext context) =>
            Task.FromResult(context.InstanceId);

        [Function("Sum")]
        public static Task<int> SumAsync([OrchestrationTrigger] TaskOrchestrationContext context) =>
            Task.FromResult(context.InstanceId.Length);
    }
}
