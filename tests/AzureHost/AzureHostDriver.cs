using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Durable.Tests.AzureHost.Hub;
using Durable.Tests.AzureHost.Rpc;
using Durable.Tests.AzureHost.Worker;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Tests.AzureHost;

/// <summary>
/// Stands in for the Azure Functions host on 127.0.0.1: starts the app's output as the official worker, loads its functions, and calls them
/// as the host does: HTTP by the ASP.NET Core proxy, timers, orchestrations turn by turn on its own hub, activities, the durable client
/// over gRPC.
/// </summary>
internal sealed class AzureHostDriver : IAsyncDisposable
{
    private const string InvocationHeader = "x-ms-invocation-id";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly WebApplication server;
    private readonly WorkerProcess process;
    private readonly string client;
    private readonly HttpClient http = new() { Timeout = Patience };

    private AzureHostDriver(WebApplication server, WorkerProcess process, FunctionsWorker worker, TaskHub hub, string client) =>
        (this.server, this.process, Worker, Hub, this.client) = (server, process, worker, hub, client);

    public FunctionsWorker Worker { get; }

    public TaskHub Hub { get; }

    /// <summary>Orchestrations and activities, called directly.</summary>
    public DurableCalls Calls => server.Services.GetRequiredService<DurableCalls>();

    /// <summary>The worker's output.</summary>
    public string Log => process.Log;

    /// <summary>Starts the worker and loads every function.</summary>
    /// <exception cref="InvalidOperationException">The worker ended, a function did not load, or an expression of a binding names no
    /// setting.</exception>
    public static async Task<AzureHostDriver> StartAsync(AppSettings settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2)
        );
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = grpc.MaxSendMessageSize = null);
        builder
            .Services.AddSingleton<WorkerChannel>()
            .AddSingleton<FunctionsWorker>()
            .AddSingleton<DurableCalls>()
            .AddSingleton<TaskHub>()
            .AddSingleton<SidecarService>();
        WebApplication server = builder.Build();
        server.MapGrpcService<WorkerChannel>();
        server.MapGrpcService<SidecarService>();
        await server.StartAsync();
        Uri address = new(server.Urls.Single());

        WorkerProcess process = WorkerProcess.Start(address, settings);
        WorkerChannel channel = server.Services.GetRequiredService<WorkerChannel>();
        _ = process.Exited.ContinueWith(
            _ => channel.Fail(new InvalidOperationException($"The worker has ended: {process.Log}")),
            TaskScheduler.Default
        );
        AzureHostDriver driver = new(
            server,
            process,
            server.Services.GetRequiredService<FunctionsWorker>(),
            server.Services.GetRequiredService<TaskHub>(),
            ClientBinding(address)
        );
        try
        {
            await driver.Worker.LoadAsync(settings).WaitAsync(Patience);
            await driver.ListensAsync(); // the worker names its proxy's address before it listens there
            return driver;
        }
        catch
        {
            await driver.DisposeAsync();
            throw;
        }
    }

    private Task ListensAsync() =>
        Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    using TcpClient probe = new();
                    await probe.ConnectAsync(Worker.HttpUri.Host, Worker.HttpUri.Port);
                    return true;
                }
                catch (SocketException)
                {
                    return false;
                }
            },
            () => Task.FromResult($"the worker listens at {Worker.HttpUri}: {Log}")
        );

    /// <summary>
    /// Sends a request to the function of its route, as the host's front does: the request itself by the proxy, the call beside it.
    /// </summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(
        HttpMethod method,
        string path,
        string? body = null,
        string type = "application/json"
    )
    {
        (LoadedFunction function, Dictionary<string, string> route) = Find(method.Method, path);
        string invocation = Guid.NewGuid().ToString();
        using HttpRequestMessage request = new(method, new Uri(Worker.HttpUri, $"{AppOutput.RoutePrefix()}/{path}"));
        request.Headers.Add(InvocationHeader, invocation);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type);
        Task<HttpResponseMessage> answering = http.SendAsync(request);
        Task<InvocationResponse> calling = Worker.CallAsync(
            function,
            new TypedData { Http = new RpcHttp { Method = method.Method } },
            route,
            Clients(function),
            invocation
        );
        using HttpResponseMessage answer = await answering;
        string text = await answer.Content.ReadAsStringAsync();
        InvocationResponse response = await calling.WaitAsync(Patience);
        if (response.Result.Status != StatusResult.Types.Status.Success)
            throw new InvalidOperationException($"{function.Name}: {response.Result.Exception?.Message} {Log}");
        bool isJson = answer.Content.Headers.ContentType?.MediaType == "application/json";
        return (answer.StatusCode, isJson ? JsonSerializer.Deserialize<JsonElement>(text) : JsonSerializer.SerializeToElement(text));
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string body = "{}") =>
        SendAsync(HttpMethod.Post, path, body);

    /// <summary>Fires a timer, once.</summary>
    public async Task TickAsync(string timer)
    {
        LoadedFunction function = Worker.Functions[timer];
        DateTime now = DateTime.UtcNow;
        var status = new
        {
            Last = now.AddMinutes(-1),
            LastUpdated = now.AddMinutes(-1),
            Next = now,
        };
        string data = JsonSerializer.Serialize(
            new
            {
                Schedule = new { AdjustForDST = true },
                ScheduleStatus = status,
                IsPastDue = false,
            }
        );
        InvocationResponse response = await Worker
            .CallAsync(function, new TypedData { Json = data }, inputs: Clients(function))
            .WaitAsync(Patience);
        if (response.Result.Status != StatusResult.Types.Status.Success)
            throw new InvalidOperationException($"{timer}: {response.Result.Exception?.Message} {Log}");
    }

    /// <summary>Posts a start and waits until its instance has ended.</summary>
    public async Task<HubInstance> RunAsync(string path, string body = "{}")
    {
        (HttpStatusCode status, JsonElement started) = await PostAsync(path, body);
        if (status != HttpStatusCode.Accepted)
            throw new InvalidOperationException($"{path}: {status} {started}");
        return await EndAsync(started.GetProperty("Id").GetString()!);
    }

    /// <summary>Waits until an instance has ended.</summary>
    public async Task<HubInstance> EndAsync(string instanceId)
    {
        HubInstance instance = Hub.Find(instanceId) ?? throw new InvalidOperationException($"There is no instance {instanceId}.");
        try
        {
            await instance.Ended.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{instanceId} has not ended; {instance.CustomStatus}, last: {instance.History[^1]} {Log}");
        }

        return instance;
    }

    /// <summary>Asks the worker to end, as the host does when it stops, and waits for it.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        await Worker.TerminateAsync();
        await process.Exited.WaitAsync(Patience);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await process.DisposeAsync();
        await server.DisposeAsync();
    }

    private Dictionary<string, string> Clients(LoadedFunction function) => function.ClientNames.ToDictionary(name => name, _ => client);

    private (LoadedFunction Function, Dictionary<string, string> Route) Find(string method, string path)
    {
        foreach (
            LoadedFunction function in Worker.Functions.Values.OrderBy(function =>
                function.Trigger.ToString().Contains('{', StringComparison.Ordinal)
            )
        )
        {
            if (function.Match(method, path.Split('?')[0]) is { } route)
                return (function, route);
        }

        throw new InvalidOperationException($"No function answers {method} {path}.");
    }

    // As the extension hands it to the worker; the last member is JSON in a string.
    private static string ClientBinding(Uri address) =>
        JsonSerializer.Serialize(
            new
            {
                taskHubName = AppOutput.HubName(),
                connectionName = "AzureWebJobsStorage",
                requiredQueryStringParameters = "code=driver",
                rpcBaseUrl = address.ToString(),
                httpBaseUrl = "http://localhost:7071/runtime/webhooks/durabletask",
                maxGrpcMessageSizeInBytes = int.MaxValue,
                grpcHttpClientTimeout = "\"00:01:40\"",
            }
        );
}
