using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable returns …</c>: train, predict and show results.</summary>
internal static class ReturnsCommands
{
    private const string Training = "returns-training";

    /// <summary>Lines per request: about 5 MB.</summary>
    private const int LinesAtOnce = 500;

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("returns", "Trains the returns model, serves it, and predicts with it.")
        {
            Train(connection, screen),
            Plan(connection, screen),
            Infer(connection, screen),
            Show(connection, screen, "status", "Shows the served model, the data, the latest runs and predictions.", "returns"),
            Show(
                connection,
                screen,
                "models",
                "Lists every judged model, and every move of the pointer to the served one.",
                "returns/models"
            ),
            Predict(connection, screen),
            RollBack(connection, screen),
            Cancel(connection, screen),
        };

    private static Command Train(Connection connection, Screen screen)
    {
        TrainingOptions options = new();
        Option<string?> plan = new("--plan") { Description = "Apply exactly the plan with this hash (from durable returns plan)" };
        Option<bool> noWait = new("--no-wait") { Description = "Return as soon as the run has started" };
        Command command = new(
            "train",
            "Reads new rows, trains, judges and publishes, and waits for it. Exit code 1 when the run failed; "
                + "a refused model is not a failure."
        )
        {
            plan,
            noWait,
        };
        options.AddTo(command);
        return command.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
            {
                JsonObject body = options.Read(parsed);
                if (parsed.GetValue(plan) is { } hash)
                    body["planHash"] = hash;
                return StartAsync(client, screen, format, "returns", body, parsed.GetValue(noWait), cancellation);
            }
        );
    }

    private static Command Plan(Connection connection, Screen screen)
    {
        TrainingOptions options = new();
        Command command = new("plan", "Shows what a training would do, its rows and its maximum cost. Starts nothing.");
        options.AddTo(command);
        return command.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject body = options.Read(parsed);
                body["dryRun"] = true;
                JsonView.Write(
                    screen,
                    format,
                    (await client.CallAsync(HttpMethod.Post, "returns", body.ToJsonString(), cancellation)).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Infer(Connection connection, Screen screen)
    {
        Option<bool> noWait = new("--no-wait") { Description = "Return as soon as the run has started" };
        return new Command("infer", "Predicts new embeddings and scores known outcomes now instead of at the next tick.") { noWait }.Does(
            connection,
            screen,
            (parsed, client, format, cancellation) =>
                StartAsync(client, screen, format, "returns/inference", [], parsed.GetValue(noWait), cancellation)
        );
    }

    private static Command Show(Connection connection, Screen screen, string name, string what, string route) =>
        new Command(name, what).Does(
            connection,
            screen,
            async (_, client, format, cancellation) =>
            {
                JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Get, route, json: null, cancellation)).Body);
                return ExitCode.Ok;
            }
        );

    private static Command Predict(Connection connection, Screen screen)
    {
        Option<string?> baseTs = new("--base-ts") { Description = "Time of a stored embedding (default: the newest)" };
        Option<FileInfo?> lines = new("--jsonl")
        {
            Description = "File of JSON lines with embedding_a, embedding_b and base_ts; - is the standard input",
        };
        Option<FileInfo?> output = new("--output-file") { Description = "File for the answers to --jsonl (default: standard output)" };
        return new Command("predict", "Predicts with the served model.") { baseTs, lines, output }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                if (parsed.GetValue(lines) is { } file)
                    return await PredictLinesAsync(client, screen, file, parsed.GetValue(output), cancellation);
                JsonObject body = parsed.GetValue(baseTs) is { } time ? new() { ["base_ts"] = time } : [];
                JsonView.Write(
                    screen,
                    format,
                    (await client.CallAsync(HttpMethod.Post, "returns/predict", body.ToJsonString(), cancellation)).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command RollBack(Connection connection, Screen screen)
    {
        Option<string?> version = new("--to") { Description = "Version to serve (default: the previous one)" };
        return new Command("rollback", "Serves an earlier model again.") { version }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject body = parsed.GetValue(version) is { } to ? new() { ["version"] = to } : [];
                JsonView.Write(
                    screen,
                    format,
                    (await client.CallAsync(HttpMethod.Post, "returns/rollback", body.ToJsonString(), cancellation)).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Cancel(Connection connection, Screen screen) =>
        new Command("cancel", "Asks the running training to stop its job and end.").Does(
            connection,
            screen,
            async (_, client, _, cancellation) =>
            {
                await client.CallAsync(HttpMethod.Post, $"operations/runs/{Training}/cancel", json: null, cancellation);
                screen.Say($"cancel accepted for {Training}");
                return ExitCode.Ok;
            }
        );

    /// <summary>Sends a file in parts, so that neither side holds more than one. Line numbers refer to the file.</summary>
    private static async Task<int> PredictLinesAsync(
        DurableClient client,
        Screen screen,
        FileInfo file,
        FileInfo? output,
        CancellationToken cancellation
    )
    {
        if (file.Name != "-" && !file.Exists)
            throw new CommandFailedException(ExitCode.BadUsage, $"--jsonl: there is no file {file}.");
        using TextReader reader = file.Name == "-" ? Console.In : file.OpenText();
        await using TextWriter? own = output is null ? null : new StreamWriter(output.FullName, append: false, new UTF8Encoding(false));
        TextWriter target = own ?? screen.Out;
        long sent = 0,
            bad = 0;
        StringBuilder part = new();
        int held = 0;
        while (true)
        {
            string? line = await reader.ReadLineAsync(cancellation);
            if (line is not null)
            {
                part.Append(line).Append('\n');
                held++;
            }

            if (held == LinesAtOnce || (line is null && held > 0))
            {
                bad += await SendAsync(client, part.ToString(), sent, target, cancellation);
                sent += held;
                held = 0;
                part.Clear();
            }

            if (line is null)
                break;
        }

        if (bad > 0)
            screen.Say($"{bad} of {sent} lines could not be predicted; each says why.");
        return bad > 0 ? ExitCode.Failed : ExitCode.Ok;
    }

    private static async Task<long> SendAsync(
        DurableClient client,
        string lines,
        long before,
        TextWriter target,
        CancellationToken cancellation
    )
    {
        JsonNode? body = (await client.CallAsync(HttpMethod.Post, "returns/predict/batch", lines, cancellation)).Body;
        string text = body is JsonValue value && value.TryGetValue(out string? several) ? several : body?.ToJsonString() ?? "";
        long bad = 0;
        foreach (string answer in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            JsonNode json = JsonNode.Parse(answer)!;
            json["line"] = json["line"]!.GetValue<long>() + before;
            if (json["error"] is not null)
                bad++;
            await target.WriteLineAsync(json.ToJsonString());
        }

        return bad;
    }

    private static async Task<int> StartAsync(
        DurableClient client,
        Screen screen,
        OutputFormat format,
        string route,
        JsonObject body,
        bool noWait,
        CancellationToken cancellation
    )
    {
        Answer started = await RunStart.PostAsync(client, route, body, cancellation);
        if (await RunStart.FollowAsync(client, screen, format, started, noWait, cancellation) is not { } status)
            return ExitCode.Ok;
        if (status.Field("output").Text("state") == "UpToDate")
            screen.Say("Nothing to do: these rows were trained on and judged already (--force does it again).");
        RunStart.Show(screen, format, status);
        return RunWaiter.Outcome(status);
    }

    /// <summary>The options of a training.</summary>
    private sealed class TrainingOptions
    {
        private readonly Option<long?> limit = new("--limit") { Description = "Only the latest N rows" };
        private readonly Option<string?> since = new("--since") { Description = "Only rows from this time on, read from the source again" };
        private readonly Option<bool> skip = new("--skip-data-prep") { Description = "Train on the latest training set unchanged" };
        private readonly Option<bool> force = new("--force") { Description = "Train even if these rows were already judged" };
        private readonly Option<string?> instance = new("--instance-type")
        {
            Description = "Machine of the training job, such as ml.m5.large",
        };
        private readonly Option<string?> framework = new("--framework-version")
        {
            Description = "PyTorch of the training image, such as 2.2",
        };

        public void AddTo(Command command)
        {
            foreach (Option option in (Option[])[limit, since, skip, force, instance, framework])
                command.Add(option);
        }

        public JsonObject Read(ParseResult parsed)
        {
            JsonObject body = new() { ["skipDataPrep"] = parsed.GetValue(skip), ["force"] = parsed.GetValue(force) };
            if (parsed.GetValue(limit) is { } rows)
                body["limit"] = rows;
            if (parsed.GetValue(since) is { } time)
                body["since"] = time;
            if (parsed.GetValue(instance) is { } machine)
                body["instanceType"] = machine;
            if (parsed.GetValue(framework) is { } version)
                body["frameworkVersion"] = version;
            return body;
        }
    }
}
