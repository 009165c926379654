using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable climate …</c>: sample data, plans, batches and their results.</summary>
internal static class ClimateCommands
{
    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("climate", "Runs the climate batches and shows their results.")
        {
            Run(connection, screen),
            Plan(connection, screen),
            Status(connection, screen),
            Runs(connection, screen),
            Sample(connection, screen),
            ClimateImportCommand.Create(connection, screen),
        };

    private static Option<long?> Cells() => Options.Number("--cells", "Grid cells of the generated sample climate");

    private static Option<long?> Seed() => Options.Number("--seed", "Seed of the sample");

    private static Command Run(Connection connection, Screen screen)
    {
        BatchOptions options = new();
        Option<long?> cells = Cells(),
            seed = Seed();
        Option<bool> noWait = new("--no-wait") { Description = "Return as soon as the run has started" };
        Option<bool> statistics = new("--statistics") { Description = "At the end, also the monitoring query and its result" };
        Command command = new(
            "run",
            "Starts a batch and waits for it. With --cells, generates a sample climate first, once. "
                + OptionsCommand.Hint("climate/hazard")
        )
        {
            cells,
            seed,
            noWait,
            statistics,
        };
        options.AddTo(command);
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                (long? wantedCells, long? wantedSeed) = (parsed.GetValue(cells), parsed.GetValue(seed));
                JsonNode? grid = await GridAsync(client, cancellation);
                JsonNode? sample = grid.Field("sample");
                bool isThere =
                    wantedCells is null
                    || (wantedSeed is not null && sample.Number("cells") == wantedCells && sample.Number("seed") == wantedSeed);
                // Asked before a sample is generated, so that a bad option replaces no grid.
                JsonArray? plans = await NothingToDoAsync(client, parsed, options, cancellation);
                if (!isThere)
                {
                    await SampleAsync(client, screen, wantedCells, wantedSeed, cancellation);
                    grid = await GridAsync(client, cancellation);
                    plans = await NothingToDoAsync(client, parsed, options, cancellation);
                }
                if (plans is not null)
                    return await WriteDoneAsync(client, screen, format, plans, parsed.GetValue(statistics), cancellation);
                if (grid is not null)
                    screen.Say(Grid(grid));

                string route = "climate/" + parsed.GetRequiredValue(options.Batch);
                Answer started = await RunStart.PostAsync(client, route, options.Body(parsed), cancellation);
                if (started.Body.Text("id").Length == 0 && started.Status != HttpStatusCode.Conflict)
                {
                    JsonView.Write(screen, format, started.Body);
                    return ExitCode.Ok;
                }
                bool leaves = parsed.GetValue(noWait);
                if (await RunStart.FollowAsync(client, screen, format, started, leaves, cancellation, hasMachines: false) is not { } status)
                    return ExitCode.Ok;
                JsonNode? figures = parsed.GetValue(statistics) ? await TryStatisticsAsync(client, screen, cancellation) : null;
                WriteEnd(screen, format, status, figures);
                return RunWaiter.Outcome(status);
            }
        );
    }

    // The plans of the batch, if they have nothing to fill; null when there is work, or on an error, which the start then reports.
    private static async Task<JsonArray?> NothingToDoAsync(
        DurableClient client,
        ParseResult parsed,
        BatchOptions options,
        CancellationToken cancellation
    )
    {
        JsonObject body = options.Body(parsed);
        string batch = parsed.GetRequiredValue(options.Batch);
        bool isAsked = body.ContainsKey("planHash") || body.ContainsKey("force");
        body["dryRun"] = true;
        JsonArray plans = [];
        foreach (string part in batch == "annual" ? ["probability", "hazard"] : (string[])[batch])
        {
            Answer plan = await client.CallAsync(
                HttpMethod.Post,
                "climate/" + part,
                body.ToJsonString(),
                cancellation,
                HttpStatusCode.Conflict,
                HttpStatusCode.UnprocessableEntity
            );
            if (plan.Status != HttpStatusCode.OK || plan.Body.Number("toFill") != 0 || plan.Body.Number("skipped") is not > 0)
                return null;
            plans.Add(plan.Body!.DeepClone());
        }
        return isAsked ? null : plans;
    }

    private static async Task<int> WriteDoneAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        JsonArray plans,
        bool statistics,
        CancellationToken cancellation
    )
    {
        string sentence = string.Create(
            CultureInfo.InvariantCulture,
            $"Nothing to do: all {plans.Sum(plan => plan.Number("skipped") ?? 0):N0} partitions are there (--force computes them again)."
        );
        if (format == OutputFormat.Json)
        {
            screen.Say(sentence);
            JsonView.Write(screen, format, plans is [{ } only] ? only : plans);
            return ExitCode.Ok;
        }
        screen.Out.WriteLine(sentence);
        if (statistics && await TryStatisticsAsync(client, screen, cancellation) is { } figures)
        {
            StatisticsView.WriteMonitoring(screen, figures.Field("monitoring"), all: false);
            WriteWhereToLook(screen);
        }
        return ExitCode.Ok;
    }

    private static async Task<JsonNode?> GridAsync(DurableClient client, CancellationToken cancellation)
    {
        Answer answer = await client.CallAsync(HttpMethod.Get, "climate/grid", json: null, cancellation, allow: HttpStatusCode.NotFound);
        return answer.Status == HttpStatusCode.NotFound ? null : answer.Body;
    }

    private static string Grid(JsonNode? grid) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Grid: {grid.Number("cells"):N0} cells, {(grid.Field("sample") is { } sample ? $"sample climate with seed {sample.Number("seed")}" : $"imported from {grid.Text("source")}")}."
        );

    private static Command Plan(Connection connection, Screen screen)
    {
        BatchOptions options = new();
        Command command = new("plan", "Shows which partitions a run would compute, and why. Changes nothing.");
        options.AddTo(command);
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject body = options.Body(parsed);
                body["dryRun"] = true;
                JsonView.Write(
                    screen,
                    format,
                    (
                        await client.CallAsync(
                            HttpMethod.Post,
                            "climate/" + parsed.GetRequiredValue(options.Batch),
                            body.ToJsonString(),
                            cancellation
                        )
                    ).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Status(Connection connection, Screen screen) =>
        Status(
            connection,
            screen,
            new Option<bool>("--query") { Description = "Also run the monitoring query itself, over every row: minutes on a national grid" }
        );

    private static Command Status(Connection connection, Screen screen, Option<bool> query) =>
        new Command("status", "Shows the statistics of the last run, the monitoring query and its result.") { query }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                WriteStatistics(screen, format, await StatisticsAsync(client, cancellation, parsed.GetValue(query)));
                return ExitCode.Ok;
            }
        );

    private static Command Runs(Connection connection, Screen screen)
    {
        Argument<string?> instance = new("instance")
        {
            Description = "Instance to look into: its runs, gates (failed ones first) and partitions",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("runs", "Shows the run ledger: the latest runs, or those of one instance with their gates and partitions.")
        {
            instance,
        }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string route = parsed.GetValue(instance) is { Length: > 0 } id ? "runs/" + Uri.EscapeDataString(id) : "runs";
                JsonNode? answer = (await client.CallAsync(HttpMethod.Get, route, json: null, cancellation)).Body;
                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, answer);
                else if (answer is JsonArray runs)
                    RunsView.Write(screen, runs);
                else
                    RunsView.WriteOne(screen, answer);
                return ExitCode.Ok;
            }
        );
    }

    private static Command Sample(Connection connection, Screen screen)
    {
        Option<long?> cells = Cells(),
            seed = Seed();
        return new Command(
            "sample",
            "Generates a deterministic sample climate, unless the same one is there. " + OptionsCommand.Hint("climate/sample")
        )
        {
            cells,
            seed,
        }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonNode? made = await SampleAsync(client, screen, parsed.GetValue(cells), parsed.GetValue(seed), cancellation);
                JsonView.Write(screen, format, made);
                return ExitCode.Ok;
            }
        );
    }

    // Each sample replaces the whole grid, so the host generates one at a time: wait for a running one, then request ours again.
    private static async Task<JsonNode?> SampleAsync(
        DurableClient client,
        Screen screen,
        long? cells,
        long? seed,
        CancellationToken cancellation
    )
    {
        JsonObject body = [];
        List<string> given = [];
        if (cells is not null)
        {
            body["cells"] = cells;
            given.Add(string.Create(CultureInfo.InvariantCulture, $"{cells:N0} cells"));
        }

        if (seed is not null)
        {
            body["seed"] = seed;
            given.Add(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        }

        screen.Say($"Sample climate{(given.Count > 0 ? ": " : "")}{string.Join(", ", given)} ...");
        while (true)
        {
            Answer answer = await client.CallAsync(
                HttpMethod.Post,
                "climate/sample",
                body.ToJsonString(),
                cancellation,
                allow: HttpStatusCode.Conflict
            );
            bool isOther = answer.Status == HttpStatusCode.Conflict;
            if (answer.Body.Text("id") is not { Length: > 0 } id)
                return isOther ? throw new CommandFailedException(ExitCode.Failed, Refusals.Sentence(answer.Body)) : answer.Body;
            if (isOther)
                screen.Say("A sample is being generated already: waiting for it first.");
            JsonNode status = await RunWaiter.WaitAsync(client, screen, id, cancellation, hasMachines: false);
            if (isOther)
                continue; // if it was ours, this finds it done
            return RunWaiter.Outcome(status) == ExitCode.Ok
                ? status
                : throw new CommandFailedException(ExitCode.Failed, $"The sample climate was not generated: {status.Text("output")}");
        }
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
        WriteWhereToLook(screen);
    }

    private static void WriteWhereToLook(Screen screen)
    {
        screen.Out.WriteLine();
        screen.Out.WriteLine("Scores: table hazard_results, by scenario and target_year; probabilities: probability_results.");
        screen.Out.WriteLine($"Runs: {Screen.Command} climate runs   Numbers: {Screen.Command} climate status");
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

    // A finished batch stays finished even if its numbers are unavailable.
    private static async Task<JsonNode?> TryStatisticsAsync(DurableClient client, Screen screen, CancellationToken cancellation)
    {
        try
        {
            return await StatisticsAsync(client, cancellation);
        }
        catch (CommandFailedException e)
        {
            screen.Say($"The batch is done, but its statistics cannot be shown now: {e.Message} Later: {Screen.Command} climate status");
            return null;
        }
    }

    private static async Task<JsonNode?> StatisticsAsync(DurableClient client, CancellationToken cancellation, bool query = false) =>
        (
            await client.CallAsync(HttpMethod.Get, query ? "climate/statistics?query=true" : "climate/statistics", json: null, cancellation)
        ).Body;
}
