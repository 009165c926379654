using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary>Common to all commands that start a run: start it, follow it, show its end.</summary>
internal static class RunStart
{
    /// <summary>Starts a run. An answer without an id started nothing.</summary>
    public static Task<Answer> PostAsync(DurableClient client, string route, JsonObject body, CancellationToken cancellation) =>
        client.CallAsync(HttpMethod.Post, route, body.ToJsonString(), cancellation, allow: HttpStatusCode.Conflict);

    /// <summary>Reports the started or already running instance and waits for its end; with <paramref name="noWait"/> shows its
    /// links.</summary>
    /// <param name="hasMachines">See <see cref="RunWaiter.WaitAsync"/>.</param>
    /// <returns>The last status; null without waiting.</returns>
    /// <exception cref="CommandFailedException">The answer names no run: its plan is stale.</exception>
    public static async Task<JsonNode?> FollowAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        Answer started,
        bool noWait,
        CancellationToken cancellation,
        bool? hasMachines = null
    )
    {
        string id = started.Body.Text("id");
        if (id.Length == 0)
            throw new CommandFailedException(ExitCode.Failed, Refusals.Sentence(started.Body));
        screen.Say(started.Status == HttpStatusCode.Conflict ? $"Already running as {id}; watching it." : $"Started {id}.");
        if (!noWait)
            return await RunWaiter.WaitAsync(client, screen, id, cancellation, hasMachines);
        JsonView.Write(screen, format, started.Body);
        return null;
    }

    /// <summary>Shows the output of a completed run, else its status.</summary>
    public static void Show(Screen screen, OutputFormat format, JsonNode status) =>
        JsonView.Write(screen, format, status.Text("runtimeStatus") == "Completed" ? status.Field("output") : status);
}
