using System.Globalization;
using System.Text.Json;
using Durable.Host.Engine;
using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Bench;

/// <summary>An engine in this process with the functions the rows measure.</summary>
internal sealed class BenchHost : IFunctionRuntime, IAsyncDisposable
{
    public const int Clients = 64;

    private readonly Dictionary<string, Func<TaskOrchestrationContext, Task<object?>>> orchestrators = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Chain"] = async context =>
        {
            int steps = context.GetInput<int>();
            for (int i = 0; i < steps; i++)
            {
                await context.CallActivityAsync<string>("Hello", "x");
            }

            return steps;
        },
        ["FanOut"] = async context =>
            (
                await Task.WhenAll(
                    Enumerable.Range(0, context.GetInput<int>()).Select(_ => context.CallActivityAsync<string>("Hello", "x"))
                )
            ).Length,
        ["Cities"] = async context =>
        {
            List<string> cities = [];
            foreach (string city in (string[])["Seoul", "Busan", "Incheon", "Daegu", "Jeju"])
            {
                cities.Add(await context.CallActivityAsync<string>("Hello", city));
            }

            return cities;
        },
        ["Timer"] = async context =>
        {
            DateTime due = context.CurrentUtcDateTime + TimeSpan.FromMilliseconds(100);
            await context.CreateTimer(due, CancellationToken.None);
            return (context.CurrentUtcDateTime - due).TotalMilliseconds;
        },
        ["Echo"] = async context =>
        {
            while (await context.WaitForExternalEvent<int>("ping") >= 0)
            {
                context.SetCustomStatus(context.CurrentUtcDateTime.Ticks);
            }

            return null;
        },
    };

    private readonly ServiceProvider services;

    private BenchHost(string connection, string hub)
    {
        ServiceCollection collection = new();
        collection.AddLogging(logging =>
            logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning)
        );
        collection.AddSingleton<IFunctionRuntime>(this);
        collection.AddSingleton<DataConverter>(new JsonDataConverter());
        collection.AddDurableEngine(
            connection,
            new HubSettings
            {
                HubName = hub,
                ExtendedSessions = true,
                MaxConcurrentActivities = 32,
                MaxConcurrentOrchestrators = 64,
                LongHistory = 100_000, // known here
            }
        );
        services = collection.BuildServiceProvider();
        Hub = services.GetRequiredService<ITaskHub>();
    }

    public ITaskHub Hub { get; }

    public IReadOnlyList<string> OrchestratorNames => [.. orchestrators.Keys];

    public IReadOnlyList<string> ActivityNames => ["Hello"];

    public static async Task<BenchHost> StartAsync(string connection, string hub)
    {
        BenchHost host = new(connection, hub);
        DurableEngine engine = host.services.GetRequiredService<DurableEngine>();
        await engine.StartAsync(CancellationToken.None);
        await engine.Ready;
        return host;
    }

    public bool HasOrchestrator(string name) => orchestrators.ContainsKey(name);

    public bool HasActivity(string name) => name == "Hello";

    public Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input) =>
        orchestrators[name](context);

    public Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation) =>
        Task.FromResult<string?>("\"Hello " + call.Input!.Trim('"') + "!\"");

    /// <summary>Orchestrations a second of <paramref name="count"/> hello-cities by 64 clients, each of which waits for the end of one
    /// before it starts the next.</summary>
    public Task<double> CitiesAsync(int count)
    {
        int started = 0;
        return Rounds.RateAsync(count, () => Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => ClientAsync())));

        async Task ClientAsync()
        {
            while (Interlocked.Increment(ref started) <= count)
                await RunAsync("Cities");
        }
    }

    /// <summary>An instance that waits for events <c>ping</c>; returns its id.</summary>
    public async Task<string> StartEchoAsync()
    {
        string id = "echo-" + Guid.NewGuid().ToString("N");
        await Hub.StartAsync(new StartRequest(id, "Echo", null));
        await Hub.WaitAsync(id, completion: false, payloads: false);
        return id;
    }

    public async Task<InstanceRecord> RunAsync(string name, object? input = null)
    {
        string id = Guid.NewGuid().ToString("N");
        await Hub.StartAsync(new StartRequest(id, name, JsonSerializer.Serialize(input)));
        return await EndAsync(id);
    }

    public async Task<InstanceRecord> EndAsync(string id)
    {
        InstanceRecord run = (await Hub.WaitAsync(id, completion: true, payloads: true))!;
        return run.Status == OrchestrationRuntimeStatus.Completed
            ? run
            : throw new InvalidOperationException(
                string.Create(CultureInfo.InvariantCulture, $"{run.Name} ended {run.Status}: {run.Output}")
            );
    }

    public Task RaiseAsync(string id, string name, int value) =>
        Hub.SendAsync(id, new HistoryEvent(EventKind.EventRaised, -1, DateTime.UtcNow, name, value.ToString(CultureInfo.InvariantCulture)));

    public async ValueTask DisposeAsync()
    {
        await services.GetRequiredService<DurableEngine>().StopAsync(CancellationToken.None);
        await services.DisposeAsync();
    }
}
