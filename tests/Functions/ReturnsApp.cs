using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Returns;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>An app with the returns pipeline switched on: its database holds the source's tables, its bucket lies in the sandbox.</summary>
internal sealed class ReturnsApp : IAsyncDisposable
{
    public const string Bucket = "returns-tests";

    private ReturnsApp(AppProcess app, NpgsqlDataSource database, IReadOnlyDictionary<string, string> settings) =>
        (App, Database, Settings) = (app, database, settings);

    public AppProcess App { get; private set; }

    public NpgsqlDataSource Database { get; }

    public IReadOnlyDictionary<string, string> Settings { get; }

    /// <param name="more">Settings added or replaced.</param>
    public static async Task<ReturnsApp> StartAsync(AwsSandbox sandbox, IReadOnlyDictionary<string, string>? more = null, int rows = 300)
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        string connection = await PostgresServer.CreateDatabaseAsync();
        NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        if (rows > 0)
            await ReturnsSample.SourceAsync(database, rows);
        Dictionary<string, string> settings = new(sandbox.Environment)
        {
            ["Returns__Bucket"] = Bucket,
            ["Returns__RoleArn"] = "arn:aws:iam::123456789012:role/training",
            ["Returns__AlsoNpy"] = "true",
            ["Returns__Epochs"] = "40",
            ["Returns__FewestRows"] = "100",
            ["Returns__JobsDirectory"] = Path.Combine(SparkStandIn.Root, "Jobs"),
        };
        foreach ((string name, string value) in more ?? new Dictionary<string, string>())
            settings[name] = value;
        return new ReturnsApp(await AppProcess.StartAsync(connection, settings), database, settings);
    }

    /// <summary>A member of a result, whatever the case of its first letter.</summary>
    public static JsonElement Field(JsonElement result, string name) =>
        result.EnumerateObject().First(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Starts a run and waits for its result.</summary>
    public async Task<JsonElement> RunAsync(string route, string body, string instanceId)
    {
        (HttpStatusCode code, JsonElement answer) = await App.PostAsync("/api/" + route, body);
        Assert.True(code == HttpStatusCode.Accepted, $"{code} {answer}");
        return await EndAsync(instanceId);
    }

    /// <summary>The result of a run that completed.</summary>
    public async Task<JsonElement> EndAsync(string instanceId)
    {
        JsonElement run = await App.WaitAsync(instanceId);
        Assert.True(run.GetProperty("runtimeStatus").GetString() == "Completed", run + App.Log);
        return run.GetProperty("output");
    }

    /// <summary>Why a run failed.</summary>
    public async Task<string> FailureAsync(string instanceId)
    {
        JsonElement run = await App.WaitAsync(instanceId);
        Assert.True(run.GetProperty("runtimeStatus").GetString() == "Failed", run + App.Log);
        return run.GetProperty("output").ToString();
    }

    /// <summary>Ends the process as a power cut would, and starts another.</summary>
    public async Task RestartAsync()
    {
        App.Kill();
        await App.DisposeAsync();
        App = await AppProcess.StartAsync(App.Connection, Settings);
    }

    public async Task<T> ScalarAsync<T>(string sql, params object[] arguments)
    {
        await using NpgsqlCommand command = Database.CreateCommand(sql);
        foreach (object argument in arguments)
            command.Parameters.Add(new() { Value = argument });
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        await Database.DisposeAsync();
    }
}
