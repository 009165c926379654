using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary>Follows one instance to its end.</summary>
internal static class RunWaiter
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly HashSet<string> Ended = new(StringComparer.OrdinalIgnoreCase)
    {
        "Completed",
        "Failed",
        "Terminated",
        "Canceled",
    };

    /// <summary>Waits for <paramref name="instanceId"/>, showing its progress. Cancelling leaves the run running and says how to watch it
    /// again.</summary>
    /// <param name="hasMachines">The run may hold paid machines: cancel it instead of terminating, which skips its cleanup.</param>
    /// <returns>The host's last status.</returns>
    /// <exception cref="CommandFailedException">Detached by Ctrl-C (130), or the host was unreachable for more than 30 s (3).</exception>
    public static async Task<JsonNode> WaitAsync(
        DurableClient client,
        Screen screen,
        string instanceId,
        CancellationToken cancellation,
        bool? hasMachines = null
    )
    {
        try
        {
            return await ProgressView.WatchAsync(screen, instanceId, report => PollAsync(client, instanceId, report, cancellation));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCode.Detached, Detached(client, screen, instanceId, hasMachines));
        }
    }

    // When the app ends with this command, its runs stop until it is up again.
    private static string Detached(DurableClient client, Screen screen, string instanceId, bool? hasMachines)
    {
        string stop = hasMachines switch
        {
            true => $"{Screen.Command} instances cancel {instanceId}   (stops its machines first; terminate would not)",
            false => $"{Screen.Command} instances terminate {instanceId}",
            null => $"{Screen.Command} instances cancel {instanceId} if it has paid machines, "
                + $"else {Screen.Command} instances terminate {instanceId}",
        };
        if (screen.Owner is { } owner)
        {
            if (hasMachines != false && screen.SandboxOf is { } sandbox)
                return $"{instanceId} is not finished, and the sandbox it works on ends with this command: "
                    + $"the next {sandbox} does its work again, from the start.";
            return $"{instanceId} is not finished. Its app stops with this command; the next {owner} continues where it was."
                + $"{Environment.NewLine}To end it for good: {owner} serve, then in another terminal {stop}";
        }
        return $"No longer watching; {instanceId} continues in its host."
            + $"{Environment.NewLine}To come back: {Screen.Command} instances wait {instanceId}{(IsDefault(client) ? string.Empty : $" --url {client.BaseUrl.AbsoluteUri.TrimEnd('/')}")}"
            + $"{Environment.NewLine}To stop it:   {stop}";
    }

    private static bool IsDefault(DurableClient client) =>
        Uri.TryCreate(Environment.GetEnvironmentVariable("DURABLE_URL") ?? "http://127.0.0.1:7071", UriKind.Absolute, out Uri? url)
        && url.Authority == client.BaseUrl.Authority;

    /// <summary>Exit code of an ended run: 1 unless it completed without a failed partition.</summary>
    public static int Outcome(JsonNode status) =>
        status.Text("runtimeStatus") == "Completed" && (status.Field("output").Number("failed") ?? 0) == 0 ? ExitCode.Ok : ExitCode.Failed;

    private static async Task<JsonNode> PollAsync(
        DurableClient client,
        string instanceId,
        Action<RunProgress> report,
        CancellationToken cancellation
    )
    {
        string route = InstanceCommands.Route(instanceId) + "?showInput=false";
        TimeSpan pause = FirstPause;
        int silent = 0;
        while (true)
        {
            try
            {
                JsonNode status = (await client.ManageAsync(HttpMethod.Get, route, json: null, cancellation)).Body ?? new JsonObject();
                silent = 0;
                report(RunProgress.Read(status.Field("customStatus")));
                if (Ended.Contains(status.Text("runtimeStatus")))
                    return status;
            }
            catch (CommandFailedException e) when (e.Code == ExitCode.Unreachable && silent++ < 30)
            {
                // The run outlives its host: a restart takes a moment, then it answers again.
            }
            await Task.Delay(pause, cancellation);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
    }
}
