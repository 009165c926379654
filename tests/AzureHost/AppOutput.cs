using System.Text.Json;
using Durable.Tests.Fixtures;

namespace Durable.Tests.AzureHost;

/// <summary>The app's build output of the configuration that the tests were built with: what is deployed.</summary>
internal static class AppOutput
{
    /// <summary>Folder of <c>host.json</c>, <c>functions.metadata</c> and <c>worker.config.json</c>.</summary>
    public static string Folder { get; } = Find();

    /// <summary>The functions as the host reads them before any code of the app has run.</summary>
    public static IReadOnlyList<JsonElement> Functions()
    {
        using JsonDocument metadata = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "functions.metadata")));
        return [.. metadata.RootElement.EnumerateArray().Select(function => function.Clone())];
    }

    /// <summary>The prefix of every route, from <c>host.json</c>; default <c>api</c>.</summary>
    public static string RoutePrefix()
    {
        using JsonDocument host = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "host.json")));
        return
            host.RootElement.TryGetProperty("extensions", out JsonElement extensions)
            && extensions.TryGetProperty("http", out JsonElement http)
            && http.TryGetProperty("routePrefix", out JsonElement prefix)
            ? prefix.GetString()!
            : "api";
    }

    /// <summary>The task hub, from <c>host.json</c>.</summary>
    public static string HubName()
    {
        using JsonDocument host = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "host.json")));
        return host.RootElement.GetProperty("extensions").GetProperty("durableTask").GetProperty("hubName").GetString()!;
    }

    /// <summary>The command line of <c>worker.config.json</c>: executable and worker.</summary>
    public static (string Executable, string Worker) Command()
    {
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "worker.config.json")));
        JsonElement description = config.RootElement.GetProperty("description");
        return (description.GetProperty("defaultExecutablePath").GetString()!, description.GetProperty("defaultWorkerPath").GetString()!);
    }

    private static string Find()
    {
        DirectoryInfo framework = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(SparkStandIn.Root, "bin", framework.Parent!.Name, framework.Name);
    }
}
