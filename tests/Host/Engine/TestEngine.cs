using System.Text.Json;
using Durable.Host.Engine;
using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Tests.Host.Engine;

/// <summary>An engine in this process on a real database; several may share one hub.</summary>
internal sealed class TestEngine : IAsyncDisposable
{
    private readonly ServiceProvider services;

    private TestEngine(ServiceProvider services, string connection, TestLog log)
    {
        Log = log;
        this.services = services;
        Connection = connection;
        Hub = services.GetRequiredService<ITaskHub>();
        Database = services.GetRequiredService<HubDatabase>();
        Engine = services.GetRequiredService<DurableEngine>();
        Clock = services.GetRequiredService<HubClock>();
    }

    public string Connection { get; }

    /// <summary>Warnings and errors of the engine.</summary>
    public TestLog Log { get; }

    public ITaskHub Hub { get; }

    public HubDatabase Database { get; }

    public DurableEngine Engine { get; }

    public HubClock Clock { get; }

    /// <summary>Starts an engine; without <paramref name="connection"/> on its own database.</summary>
    public static async Task<TestEngine> StartAsync(
        IFunctionRuntime functions,
        string? connection = null,
        HubSettings? settings = null,
        Action<StorePoint>? probe = null
    )
    {
        TestEngine engine = Create(functions, connection ?? await PostgresServer.CreateDatabaseAsync(), settings, probe);
        await engine.Engine.StartAsync(CancellationToken.None);
        await engine.Engine.Ready.WaitAsync(TimeSpan.FromSeconds(60));
        return engine;
    }

    public static TestEngine Create(
        IFunctionRuntime functions,
        string connection,
        HubSettings? settings = null,
        Action<StorePoint>? probe = null
    )
    {
        ServiceCollection services = new();
        TestLog log = new();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddProvider(log));
        services.AddSingleton(functions);
        services.AddSingleton<DataConverter>(new JsonDataConverter());
        services.AddDurableEngine(connection, settings ?? new HubSettings { HubName = "TestHub", ExtendedSessions = true });
        ServiceProvider provider = services.BuildServiceProvider();
        provider.GetRequiredService<HubDatabase>().Probe = probe;
        return new TestEngine(provider, connection, log);
    }

    public async Task<string> ScheduleAsync(string name, object? input = null, string? id = null)
    {
        id ??= Guid.NewGuid().ToString("N");
        StartOutcome outcome = await Hub.StartAsync(new StartRequest(id, name, input is null ? null : JsonSerializer.Serialize(input)));
        Assert.True(outcome.Started, $"{id} was not started: {outcome.Status}");
        return id;
    }

    public async Task<InstanceRecord> EndAsync(string id, double seconds = 60)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(seconds));
        return (await Hub.WaitAsync(id, completion: true, payloads: true, limit.Token))!;
    }

    public async Task<InstanceRecord> RunAsync(string name, object? input = null, string? id = null, double seconds = 60) =>
        await EndAsync(await ScheduleAsync(name, input, id), seconds);

    public Task<SendOutcome> RaiseAsync(string id, string name, object? payload) =>
        Hub.SendAsync(id, new HistoryEvent(EventKind.EventRaised, -1, DateTime.UtcNow, name, JsonSerializer.Serialize(payload)));

    public async Task<SendOutcome> TellAsync(string id, EventKind kind, string? reason = null, bool recursive = false) =>
        await Hub.SendAsync(
            id,
            new HistoryEvent(kind, -1, DateTime.UtcNow, null, reason, recursive ? new EventDetail { Recursive = true } : null)
        );

    public async ValueTask DisposeAsync()
    {
        await Engine.StopAsync(CancellationToken.None);
        await services.DisposeAsync();
    }
}
