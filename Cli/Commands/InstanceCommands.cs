using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable instances …</c>: the management API, one command per operation.</summary>
internal static class InstanceCommands
{
    private static readonly string[] Statuses =
    [
        "Pending",
        "Running",
        "Completed",
        "Failed",
        "Terminated",
        "Suspended",
        "ContinuedAsNew",
        "Canceled",
    ];

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("instances", "Lists, shows and controls orchestration instances.")
        {
            List(connection, screen),
            Show(connection, screen),
            History(connection, screen),
            Start(connection, screen),
            Wait(connection, screen),
            Cancel(connection, screen),
            Steer(
                connection,
                screen,
                "terminate",
                "Ends a run now. Its finally blocks do not run: a run on paid machines is cancelled instead.",
                "only a run that has not ended can be terminated"
            ),
            Steer(connection, screen, "suspend", "Suspends a run after its current step.", "only Running or Pending can be suspended"),
            Steer(connection, screen, "resume", "Resumes a suspended run.", "only Suspended can be resumed"),
            Steer(
                connection,
                screen,
                "rewind",
                "Rewinds a failed run to before its failures and retries them.",
                "only Failed can be rewound"
            ),
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
        Option<string?> prefix = new("--prefix") { Description = "Only ids that start with this" };
        Option<long?> top = Options.Number("--top", "Instances on a page; default 50");
        Option<string?> from = new("--continuation-token") { Description = "Next page: the token at the end of the last one" };
        Option<bool> all = new("--all") { Description = "All pages" };
        Option<bool> newest = new("--newest") { Description = "The newest first, instead of by id" };
        Command command = new("list", "Lists instances, a page at a time.")
        {
            filter.Status,
            filter.From,
            filter.To,
            prefix,
            top,
            from,
            all,
            newest,
        };
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string query = filter.Query(
                    parsed,
                    ("instanceIdPrefix", parsed.GetValue(prefix)),
                    ("top", (parsed.GetValue(top) ?? 50).ToString(CultureInfo.InvariantCulture)),
                    ("showInput", "false"),
                    ("newestFirst", parsed.GetValue(newest) ? "true" : null)
                );
                JsonArray found = [];
                string? token = parsed.GetValue(from);
                do
                {
                    Answer page = await client.ManageAsync(HttpMethod.Get, "instances" + query, json: null, cancellation, token);
                    foreach (JsonNode? instance in page.Body as JsonArray ?? [])
                        found.Add(instance?.DeepClone());
                    token = page.ContinuationToken;
                } while (token is { Length: > 0 } && parsed.GetValue(all));

                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, found);
                else
                    Tables.Write(
                        screen,
                        [new Column("instance", 0, 36), new("name", 2, 16), new("status", 0), new("created", 4), new("last updated", 3)],
                        found.Select(i =>
                            (IReadOnlyList<string>)
                                [
                                    i.Text("instanceId"),
                                    i.Text("name"),
                                    i.Text("runtimeStatus"),
                                    Cells.Of(screen, i, "createdTime"),
                                    Cells.Of(screen, i, "lastUpdatedTime"),
                                ]
                        )
                    );
                if (token is { Length: > 0 })
                    screen.Say($"There are more: add --continuation-token '{token}', or --all.");
                return ExitCode.Ok;
            }
        );
    }

    private static Command Show(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Command command = new("show", "Shows one instance: status, input, output, and its steps with their times.") { id };
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode status = await StatusAsync(client, parsed.GetRequiredValue(id), "?showInput=true&showHistory=true", cancellation);
                IReadOnlyList<RunStep> steps = StepsView.Read(status);
                (status as JsonObject)?.Remove("historyEvents");
                JsonView.Write(screen, format, status);
                if (format == OutputFormat.Table)
                    StepsView.WriteSummary(screen, steps);
                return ExitCode.Ok;
            }
        );
    }

    private static Command History(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Command command = new("history", "Shows every step of one instance in order: start, duration, result.") { id };
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode status = await StatusAsync(
                    client,
                    parsed.GetRequiredValue(id),
                    "?showInput=false&showHistory=true&showHistoryOutput=true",
                    cancellation
                );
                if (format == OutputFormat.Json)
                {
                    JsonView.Write(screen, format, status.Field("historyEvents"));
                    return ExitCode.Ok;
                }
                screen.Out.WriteLine($"{status.Text("instanceId")}: {status.Text("name")}, {status.Text("runtimeStatus")}");
                StepsView.WriteAll(screen, StepsView.Read(status));
                return ExitCode.Ok;
            }
        );
    }

    private static Command Start(Connection connection, Screen screen)
    {
        Argument<string> name = new("name") { Description = "Name of the orchestration" };
        Option<string?> input = new("--input") { Description = "JSON, or @file with JSON; default none" };
        Option<string?> id = new("--id") { Description = "Id of the new instance; default a random one" };
        Option<bool> wait = new("--wait") { Description = "Watch it until it ends" };
        return new Command("start", "Starts any orchestration of the app.") { name, input, id, wait }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string? json = parsed.GetValue(input) is { } given ? await ReadJsonAsync("--input", given, cancellation) : null;
                string route =
                    "orchestrators/"
                    + Uri.EscapeDataString(parsed.GetRequiredValue(name))
                    + (parsed.GetValue(id) is { Length: > 0 } chosen ? "/" + Uri.EscapeDataString(chosen) : string.Empty);
                Answer answer = await client.ManageAsync(HttpMethod.Post, route, json, cancellation);
                string started = answer.Body.Text("id");
                await RefuseUnknownAsync(client, started, cancellation);
                if (!parsed.GetValue(wait))
                    return Accepted(screen, format, answer, $"started {started}");
                screen.Say($"Started {started}.");
                JsonNode status = await RunWaiter.WaitAsync(client, screen, started, cancellation);
                JsonView.Write(screen, format, status);
                return RunWaiter.Outcome(status);
            }
        );
    }

    // The host starts an unknown function's instance and fails it in its first turn.
    private static async Task RefuseUnknownAsync(DurableClient client, string id, CancellationToken cancellation)
    {
        for (int looks = 0; looks < 20; looks++, await Task.Delay(100, cancellation))
        {
            JsonNode status = await StatusAsync(client, id, "?showInput=false", cancellation);
            string state = status.Text("runtimeStatus"),
                reason = status.Field("output") is JsonObject failure ? failure.Text("message") : string.Empty;
            if (state == "Failed" && reason.StartsWith("The function '", StringComparison.Ordinal))
                throw new CommandFailedException(ExitCode.BadUsage, reason);
            if (state != "Pending")
                return;
        }
    }

    private static async Task<JsonNode> StatusAsync(DurableClient client, string id, string query, CancellationToken cancellation)
    {
        Answer answer = await client.ManageAsync(
            HttpMethod.Get,
            Route(id) + query,
            json: null,
            cancellation,
            continuation: null,
            HttpStatusCode.NotFound
        );
        return answer.Status == HttpStatusCode.NotFound || answer.Body is null ? throw Unknown(id) : answer.Body;
    }

    private static CommandFailedException Unknown(string id) =>
        new(ExitCode.Failed, $"There is no instance {id}. {Screen.Command} instances list shows those there are.");

    // Bodies of 404, 409, 410 and 412 are for programs; people see the state and what the verb needs.
    private static async Task<Answer> SteerAsync(
        DurableClient client,
        HttpMethod method,
        string id,
        string rest,
        string need,
        CancellationToken cancellation
    )
    {
        Answer answer = await client.ManageAsync(
            method,
            Route(id) + rest,
            json: null,
            cancellation,
            continuation: null,
            HttpStatusCode.BadRequest,
            HttpStatusCode.NotFound,
            HttpStatusCode.Conflict,
            HttpStatusCode.Gone,
            HttpStatusCode.PreconditionFailed
        );
        if ((int)answer.Status < 400)
            return answer;
        JsonNode status = await StatusAsync(client, id, "?showInput=false", cancellation);
        throw new CommandFailedException(ExitCode.Failed, $"{id} is {status.Text("runtimeStatus")}; {need}.");
    }

    private static Command Wait(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        return new Command("wait", "Watches one instance until it ends. Ctrl-C leaves it running.") { id }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode status = await RunWaiter.WaitAsync(client, screen, parsed.GetRequiredValue(id), cancellation);
                JsonView.Write(screen, format, status);
                return RunWaiter.Outcome(status);
            }
        );
    }

    private static Command Steer(Connection connection, Screen screen, string verb, string description, string need)
    {
        Argument<string> id = InstanceId();
        Option<string?> reason = new("--reason") { Description = "Kept in the history" };
        return new Command(verb, description) { id, reason }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string because = parsed.GetValue(reason) is { Length: > 0 } given ? "?reason=" + Uri.EscapeDataString(given) : string.Empty;
                Answer answer = await SteerAsync(
                    client,
                    HttpMethod.Post,
                    parsed.GetRequiredValue(id),
                    $"/{verb}{because}",
                    need,
                    cancellation
                );
                return Accepted(screen, format, answer, $"{verb} accepted for {parsed.GetValue(id)}");
            }
        );
    }

    private static Command Cancel(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Option<string?> reason = new("--reason") { Description = "Reason; shown in the run's error" };
        return new Command("cancel", "Cancels a run on leased machines: it kills its jobs, stops its machines and ends.")
        {
            id,
            reason,
        }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string because = parsed.GetValue(reason) is { Length: > 0 } given ? "?reason=" + Uri.EscapeDataString(given) : string.Empty;
                Answer answer = await client.CallAsync(
                    HttpMethod.Post,
                    $"operations/runs/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}/cancel{because}",
                    json: null,
                    cancellation
                );
                return Accepted(screen, format, answer, $"cancel accepted for {parsed.GetValue(id)}");
            }
        );
    }

    private static Command Restart(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Option<bool> same = new("--same-id") { Description = "Use the same id, replacing the old run; default: a new id" };
        return new Command("restart", "Starts the same orchestration with the same input again.") { id, same }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string renew = parsed.GetValue(same) ? "false" : "true";
                Answer answer = await SteerAsync(
                    client,
                    HttpMethod.Post,
                    parsed.GetRequiredValue(id),
                    $"/restart?restartWithNewInstanceId={renew}",
                    "only a run that has ended can be restarted under its id",
                    cancellation
                );
                return Accepted(screen, format, answer, $"started {answer.Body.Text("id")}");
            }
        );
    }

    private static Command Purge(Connection connection, Screen screen)
    {
        Argument<string?> id = new("instance-id")
        {
            Description = "One instance; without it, all ended ones that match the options",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Filter filter = new();
        Command command = new("purge", "Deletes ended instances and their history for good.") { id, filter.Status, filter.From, filter.To };
        command.Validators.Add(result =>
        {
            bool one = result.GetValue(id) is { Length: > 0 };
            bool many = result.GetValue(filter.From) is not null;
            if (one == many)
                result.AddError("Give an instance id, or --created-from for many.");
        });
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                Answer answer = parsed.GetValue(id) is { Length: > 0 } one
                    ? await SteerAsync(
                        client,
                        HttpMethod.Delete,
                        one,
                        string.Empty,
                        $"only a run that has ended can be purged: {Screen.Command} instances terminate {one}",
                        cancellation
                    )
                    : await client.ManageAsync(HttpMethod.Delete, "instances" + filter.Query(parsed), json: null, cancellation);
                return Accepted(screen, format, answer, $"{answer.Body.Text("instancesDeleted")} deleted");
            }
        );
    }

    private static Command RaiseEvent(Connection connection, Screen screen)
    {
        Argument<string> id = InstanceId();
        Argument<string> name = new("event-name") { Description = "The event the run waits for" };
        Option<string?> data = new("--data") { Description = "JSON, or @file with JSON; default null" };
        return new Command("raise-event", "Sends an event to a run.") { id, name, data }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string json = await ReadJsonAsync("--data", parsed.GetValue(data), cancellation);
                string route = $"{Route(parsed.GetRequiredValue(id))}/raiseEvent/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}";
                Answer answer = await client.ManageAsync(
                    HttpMethod.Post,
                    route,
                    json,
                    cancellation,
                    continuation: null,
                    HttpStatusCode.NotFound,
                    HttpStatusCode.Gone
                );
                if ((int)answer.Status >= 400)
                {
                    JsonNode status = await StatusAsync(client, parsed.GetRequiredValue(id), "?showInput=false", cancellation);
                    throw new CommandFailedException(
                        ExitCode.Failed,
                        $"{parsed.GetValue(id)} is {status.Text("runtimeStatus")}; only a run that has not ended can receive events."
                    );
                }
                return Accepted(screen, format, answer, $"{parsed.GetValue(name)} sent to {parsed.GetValue(id)}");
            }
        );
    }

    private static async Task<string> ReadJsonAsync(string option, string? data, CancellationToken cancellation)
    {
        try
        {
            string text = data is ['@', .. string path] ? await File.ReadAllTextAsync(path, cancellation) : data ?? "null";
            using JsonDocument _ = JsonDocument.Parse(text);
            return text;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                ExitCode.BadUsage,
                $"{option} is not JSON: {e.Message} Text needs quotes: {option} '\"approved\"'"
            );
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
        public Option<string[]> Status { get; } =
            Options.List("--status", $"Only these, comma-separated: {string.Join(", ", Statuses)}", Statuses);

        public Option<DateTimeOffset?> From { get; } = Options.Instant("--created-from", "Created at or after, such as 2026-01-31T00:00Z");

        public Option<DateTimeOffset?> To { get; } = Options.Instant("--created-to", "Created at or before");

        public string Query(ParseResult parsed, params IEnumerable<(string Name, string? Value)> more)
        {
            IEnumerable<(string Name, string? Value)> all =
            [
                ("runtimeStatus", parsed.GetValue(Status) is { Length: > 0 } statuses ? string.Join(',', statuses) : null),
                ("createdTimeFrom", parsed.GetValue(From)?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
                ("createdTimeTo", parsed.GetValue(To)?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
                .. more,
            ];
            string query = string.Join(
                '&',
                all.Where(p => p.Value is { Length: > 0 }).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}")
            );
            return query.Length > 0 ? "?" + query : string.Empty;
        }
    }
}
