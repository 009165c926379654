using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable instances …</c>: the management API, one command for each operation.</summary>
internal static class InstanceCommands
{
    private static readonly string[] Statuses = ["Pending", "Running", "Completed", "Failed", "Terminated", "Suspended", "ContinuedAsNew", "Canceled"];

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) => new("instances", "Lists, shows and steers orchestration instances.")
    {
        List(connection, screen),
        Show(connection, screen),
        Wait(connection, screen),
        Cancel(connection, screen),
        Steer(connection, screen, "terminate", "Ends a run now. Its finally blocks do not run; activities under way are not interrupted."),
        Steer(connection, screen, "suspend", "Holds a run after its present step."),
        Steer(connection, screen, "resume", "Lets a suspended run go on."),
        Steer(connection, screen, "rewind", "Takes a failed run back to before its failures and tries those again."),
        Restart(connection, screen),
        Purge(connection, screen),
        RaiseEvent(connection, screen),
    };

    /// <summary>Management route of one instance.</summary>
    public static string Route(string instanceId) => "instances/" + Uri.EscapeDataString(instanceId);

    private static Argument<string> InstanceId() => new("instance-id") { Description = "Id of the instance" };

    private static Command List(Connection connection, Screen screen)
    {
        Filter filter = new();
        Option<string?> prefix = new("--prefix") { Description = "Only ids that begin with this" };
        Option<int> top = new("--top") { Description = "Instances on a page, 1 to 1000; default 50", DefaultValueFactory = _ => 50 };
        top.Validators.Add(value =>
        {
            if (value.Tokens.Count > 0 && int.TryParse(value.Tokens[0].Value, CultureInfo.InvariantCulture, out int count) && count is < 1 or > 1000)
                value.AddError($"--top is {count}; it goes from 1 to 1000.");
        });
        Option<string?> from = new("--continuation-token") { Description = "Next page: the token that the last one ended with" };
        Option<bool> all = new("--all") { Description = "All pages" };
        Option<bool> newest = new("--newest") { Description = "The newest first, instead of by id" };
        Command command = new("list", "Lists instances, a page at a time.") { filter.Status, filter.From, filter.To, prefix, top, from, all, newest };
        return command.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            string query = filter.Query(parsed, ("instanceIdPrefix", parsed.GetValue(prefix)),
                ("top", parsed.GetValue(top).ToString(CultureInfo.InvariantCulture)), ("showInput", "false"),
                ("newestFirst", parsed.GetValue(newest) ? "true" : null));
            JsonArray found = [];
            string? token = parsed.GetValue(from);
            do
            {
                Answer page = await client.ManageAsync(HttpMethod.Get, "instances" + query, json: null, cancellation, token);
                foreach (JsonNode? instance in page.Body as JsonArray ?? [])
                    found.Add(instance?.DeepClone());
                token = page.ContinuationToken;
            }
            while (token is { Length: > 0 } && parsed.GetValue(all));

            if (format == OutputFormat.Json)
                JsonView.Write(screen, format, found);
            else
                Tables.Write(screen, ["instance", "name", "status", "created", "last updated"],
                    found.Select(i => (IReadOnlyList<string>)[i.Text("instanceId"), i.Text("name"), i.Text("runtimeStatus"), i.Time("createdTime"), i.Time("lastUpdatedTime")]));
            if (token is { Length: > 0 })
                screen.Say($"There are more: add --continuation-token '{token}', or --all.");
            return ExitCode.Ok;
        });
    }

    private static Command Show(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Option<bool> history = new("--history") { Description = "With its history, event by event" };
        Command command = new("show", "Shows one instance: status, input, output, custom status.") { id, history };
        return command.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            string query = parsed.GetValue(history) ? "?showInput=true&showHistory=true&showHistoryOutput=true" : "?showInput=true";
            JsonNode? status = (await client.ManageAsync(HttpMethod.Get, Route(parsed.GetRequiredValue(id)) + query, json: null, cancellation)).Body;
            if (status is JsonObject members && !parsed.GetValue(history))
                members.Remove("historyEvents");
            JsonView.Write(screen, format, status);
            return ExitCode.Ok;
        });
    }

    private static Command Wait(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        return new Command("wait", "Watches one instance until it ends. Ctrl-C leaves it running.") { id }.Does(connection, screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode status = await RunWaiter.WaitAsync(client, screen, parsed.GetRequiredValue(id), cancellation);
                JsonView.Write(screen, format, status);
                return RunWaiter.Outcome(status);
            });
    }

    private static Command Steer(Connection connection, Screen screen, string verb, string description)
    {
        Argument<string> id = InstanceId();
        Option<string?> reason = new("--reason") { Description = "Kept in the history" };
        return new Command(verb, description) { id, reason }.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            string because = parsed.GetValue(reason) is { Length: > 0 } given ? "?reason=" + Uri.EscapeDataString(given) : string.Empty;
            Answer answer = await client.ManageAsync(HttpMethod.Post, $"{Route(parsed.GetRequiredValue(id))}/{verb}{because}", json: null, cancellation);
            return Accepted(screen, format, answer, $"{verb} accepted for {parsed.GetValue(id)}");
        });
    }

    private static Command Cancel(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Option<string?> reason = new("--reason") { Description = "Why; ends up in the run's error" };
        return new Command("cancel", "Asks a run on leased machines to clean up and end: it kills its jobs, stops its machines and says why.") { id, reason }.Does(
            connection, screen, async (parsed, client, format, cancellation) =>
            {
                string because = parsed.GetValue(reason) is { Length: > 0 } given ? "?reason=" + Uri.EscapeDataString(given) : string.Empty;
                Answer answer = await client.CallAsync(
                    HttpMethod.Post, $"operations/runs/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}/cancel{because}", json: null, cancellation);
                return Accepted(screen, format, answer, $"cancel accepted for {parsed.GetValue(id)}");
            });
    }

    private static Command Restart(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Option<bool> same = new("--same-id") { Description = "Under the same id, replacing the old run; default is a new id" };
        return new Command("restart", "Starts the same orchestration with the same input again.") { id, same }.Does(connection, screen,
            async (parsed, client, format, cancellation) =>
            {
                string renew = parsed.GetValue(same) ? "false" : "true";
                Answer answer = await client.ManageAsync(
                    HttpMethod.Post, $"{Route(parsed.GetRequiredValue(id))}/restart?restartWithNewInstanceId={renew}", json: null, cancellation);
                return Accepted(screen, format, answer, $"started {answer.Body.Text("id")}");
            });
    }

    private static Command Purge(Connection connection, Screen screen)
    {
        Argument<string?> id = new("instance-id") { Description = "One instance; without it, all that ended and match the options", Arity = ArgumentArity.ZeroOrOne };
        Filter filter = new();
        Command command = new("purge", "Deletes ended instances and their history for good.") { id, filter.Status, filter.From, filter.To };
        command.Validators.Add(result =>
        {
            bool one = result.GetValue(id) is { Length: > 0 };
            bool many = result.GetValue(filter.From) is not null;
            if (one == many)
                result.AddError("Give an instance id, or --created-from for many.");
        });
        return command.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            string route = parsed.GetValue(id) is { Length: > 0 } one ? Route(one) : "instances" + filter.Query(parsed);
            Answer answer = await client.ManageAsync(HttpMethod.Delete, route, json: null, cancellation);
            return Accepted(screen, format, answer, $"{answer.Body.Text("instancesDeleted")} deleted");
        });
    }

    private static Command RaiseEvent(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Argument<string> name = new("event-name") { Description = "The name that the run waits for" };
        Option<string?> data = new("--data") { Description = "JSON, or @file with JSON; default null" };
        return new Command("raise-event", "Sends an event to a run that waits for it.") { id, name, data }.Does(connection, screen,
            async (parsed, client, format, cancellation) =>
            {
                string json = await ReadJsonAsync(parsed.GetValue(data), cancellation);
                string route = $"{Route(parsed.GetRequiredValue(id))}/raiseEvent/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}";
                Answer answer = await client.ManageAsync(HttpMethod.Post, route, json, cancellation);
                return Accepted(screen, format, answer, $"{parsed.GetValue(name)} sent to {parsed.GetValue(id)}");
            });
    }

    private static async Task<string> ReadJsonAsync(string? data, CancellationToken cancellation)
    {
        try
        {
            string text = data is ['@', .. string path] ? await File.ReadAllTextAsync(path, cancellation) : data ?? "null";
            using JsonDocument _ = JsonDocument.Parse(text);
            return text;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitCode.BadUsage, $"--data is not JSON: {e.Message} Text needs quotes: --data '\"approved\"'");
        }
    }

    private static int Accepted(Screen screen, OutputFormat format, Answer answer, string message)
    {
        if (format == OutputFormat.Json)
            JsonView.Write(screen, format, answer.Body);
        else
            screen.Out.WriteLine(message);
        return ExitCode.Ok;
    }

    /// <summary>The filters that list and purge share.</summary>
    private sealed class Filter
    {
        public Option<string[]> Status { get; } = Options.List("--status", $"Only these, by comma: {string.Join(", ", Statuses)}", Statuses);

        public Option<DateTimeOffset?> From { get; } = new("--created-from") { Description = "Created at or after, such as 2026-01-31T00:00Z" };

        public Option<DateTimeOffset?> To { get; } = new("--created-to") { Description = "Created at or before" };

        public string Query(ParseResult parsed, params IEnumerable<(string Name, string? Value)> more)
        {
            IEnumerable<(string Name, string? Value)> all =
            [
                ("runtimeStatus", parsed.GetValue(Status) is { Length: > 0 } statuses ? string.Join(',', statuses) : null),
                ("createdTimeFrom", parsed.GetValue(From)?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
                ("createdTimeTo", parsed.GetValue(To)?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
                .. more,
            ];
            string query = string.Join('&', all.Where(p => p.Value is { Length: > 0 }).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}"));
            return query.Length > 0 ? "?" + query : string.Empty;
        }
    }
}
