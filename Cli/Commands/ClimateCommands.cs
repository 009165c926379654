using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable climate …</c>: sample data, plans, batches, what came of them.</summary>
internal static class ClimateCommands
{
    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) => new("climate", "Runs the climate batches and shows their results.")
    {
        Run(connection, screen),
        Plan(connection, screen),
        Status(connection, screen),
        Runs(connection, screen),
        Sample(connection, screen),
        ClimateImportCommand.Create(connection, screen),
    };

    private static Option<int?> Cells() => Options.Number("--cells", "Grid cells of the generated sample climate", 1, 451_351);

    private static Option<int?> Seed() => Options.Number("--seed", "Seed of the sample; default 1", 0, int.MaxValue);

    private static Command Run(Connection connection, Screen screen)
    {
        BatchOptions options = new();
        Option<int?> cells = Cells();
        Option<int?> seed = Seed();
        Option<bool> noWait = new("--no-wait") { Description = "Return as soon as the run has started" };
        Option<bool> statistics = new("--statistics") { Description = "At the end, also the monitoring query and its result" };
        Command command = new("run", "Starts a batch and waits for it. With --cells, generates a sample climate first, once.") { cells, seed, noWait, statistics };
        options.AddTo(command);
        return command.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            if (parsed.GetValue(cells) is { } count)
                await SampleAsync(client, screen, count, parsed.GetValue(seed) ?? 1, cancellation);

            Answer started = await client.CallAsync(
                HttpMethod.Post, "climate/" + parsed.GetRequiredValue(options.Batch), options.Body(parsed).ToJsonString(), cancellation, allow: HttpStatusCode.Conflict);
            string id = started.Body.Text("id");
            if (id.Length == 0)
            {
                JsonView.Write(screen, format, started.Body); // nothing to do, or a refusal that names no run
                return started.Status == HttpStatusCode.OK ? ExitCode.Ok : ExitCode.Failed;
            }
            screen.Say(started.Status == HttpStatusCode.Conflict ? $"Already under way as {id}: watching that." : $"Started {id}.");
            if (parsed.GetValue(noWait))
            {
                JsonView.Write(screen, format, started.Body);
                return ExitCode.Ok;
            }

            JsonNode status = await RunWaiter.WaitAsync(client, screen, id, cancellation);
            JsonNode? figures = parsed.GetValue(statistics) ? await StatisticsAsync(client, cancellation) : null;
            WriteEnd(screen, format, status, figures);
            return RunWaiter.Outcome(status);
        });
    }

    /// <summary>Also <c>durable plan climate</c>, beside the plans of other pipelines.</summary>
    public static Command Plan(Connection connection, Screen screen, string name = "plan")
    {
        BatchOptions options = new();
        Command command = new(name, "Shows which partitions a run would compute, and why. Changes nothing.");
        options.AddTo(command);
        return command.Does(connection, screen, async (parsed, client, format, cancellation) =>
        {
            JsonObject body = options.Body(parsed);
            body["dryRun"] = true;
            JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Post, "climate/" + parsed.GetRequiredValue(options.Batch), body.ToJsonString(), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Status(Connection connection, Screen screen) =>
        Status(connection, screen, new Option<bool>("--query") { Description = "Also run the monitoring query itself, over every row: minutes on a national grid" });

    private static Command Status(Connection connection, Screen screen, Option<bool> query) =>
        new Command("status", "Shows the statistics of the last run, the monitoring query and its result.") { query }.Does(connection, screen,
            async (parsed, client, format, cancellation) =>
            {
                WriteStatistics(screen, format, await StatisticsAsync(client, cancellation, parsed.GetValue(query)));
                return ExitCode.Ok;
            });

    private static Command Runs(Connection connection, Screen screen)
    {
        Argument<string?> instance = new("instance") { Description = "Instance to look into: its runs, gates (failed ones first) and partitions", Arity = ArgumentArity.ZeroOrOne };
        return new Command("runs", "Shows the run ledger: the latest runs, or those of one instance with their gates and partitions.") { instance }.Does(
            connection, screen, async (parsed, client, format, cancellation) =>
            {
                string route = parsed.GetValue(instance) is { Length: > 0 } id ? "runs/" + Uri.EscapeDataString(id) : "runs";
                JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Get, route, json: null, cancellation)).Body);
                return ExitCode.Ok;
            });
    }

    private static Command Sample(Connection connection, Screen screen)
    {
        Option<int?> cells = Cells();
        Option<int?> seed = Seed();
        return new Command("sample", "Generates a deterministic sample climate, unless the same one is there. Default 1000 cells.") { cells, seed }.Does(
            connection, screen, async (parsed, client, format, cancellation) =>
            {
                JsonNode? made = await SampleAsync(client, screen, parsed.GetValue(cells) ?? 1000, parsed.GetValue(seed) ?? 1, cancellation);
                JsonView.Write(screen, format, made);
                return ExitCode.Ok;
            });
    }

    // Either answered at once, or a run of its own to wait for.
    private static async Task<JsonNode?> SampleAsync(DurableClient client, Screen screen, int cells, int seed, CancellationToken cancellation)
    {
        screen.Say($"Sample climate: {cells} cells, seed {seed} ...");
        JsonObject body = new() { ["cells"] = cells, ["seed"] = seed };
        Answer answer = await client.CallAsync(HttpMethod.Post, "climate/sample", body.ToJsonString(), cancellation, allow: HttpStatusCode.Conflict);
        if (answer.Body.Text("id") is not { Length: > 0 } id)
        {
            if (answer.Status == HttpStatusCode.Conflict)
                throw new CommandFailedException(ExitCode.Failed, Fields.Plain(answer.Body));
            return answer.Body;
        }
        JsonNode status = await RunWaiter.WaitAsync(client, screen, id, cancellation);
        return RunWaiter.Outcome(status) == ExitCode.Ok
            ? status
            : throw new CommandFailedException(ExitCode.Failed, $"The sample climate was not generated: {status.Text("output")}");
    }

    private static void WriteEnd(Screen screen, OutputFormat format, JsonNode status, JsonNode? statistics)
    {
        if (format == OutputFormat.Json)
        {
            if (statistics is not null)
                status["statistics"] = statistics; // one document
            JsonView.Write(screen, format, status);
            return;
        }
        screen.Out.WriteLine();
        screen.Out.WriteLine($"{status.Text("instanceId")}: {status.Text("runtimeStatus")}");
        StatisticsView.WriteRun(screen, status.Field("output"));
        StatisticsView.WriteMonitoring(screen, statistics.Field("monitoring"), all: false);
    }

    private static void WriteStatistics(Screen screen, OutputFormat format, JsonNode? statistics)
    {
        if (format == OutputFormat.Json)
        {
            JsonView.Write(screen, format, statistics);
            return;
        }
        foreach (string batch in new[] { "probability", "hazard" })
        {
            JsonNode? run = statistics.Field(batch);
            screen.Out.WriteLine(run is null ? $"{batch}: no run yet" : $"{batch}: {run.Text("runId")} {run.Text("state")}");
            if (run is not null)
                StatisticsView.WriteRun(screen, run);
        }
        StatisticsView.WriteMonitoring(screen, statistics.Field("monitoring"), all: true);
    }

    private static async Task<JsonNode?> StatisticsAsync(DurableClient client, CancellationToken cancellation, bool query = false) =>
        (await client.CallAsync(HttpMethod.Get, query ? "climate/statistics?query=true" : "climate/statistics", json: null, cancellation)).Body;
}
