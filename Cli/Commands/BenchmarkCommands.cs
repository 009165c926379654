using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable benchmark …</c>: the suite of models, their gates, their versions.</summary>
internal static class BenchmarkCommands
{
    private const string Suite = "benchmark";

    /// <summary>The group with all its commands.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new("benchmark", "Trains the benchmark's models, checks their gates and compares them.")
        {
            Run(connection, screen),
            Plan(connection, screen),
            Status(connection, screen),
            Compare(connection, screen),
            Rollback(connection, screen),
            Export(connection, screen),
            Cancel(connection, screen),
        };

    private static Command Run(Connection connection, Screen screen)
    {
        RequestOptions request = new();
        Option<string?> plan = new("--plan") { Description = "Apply exactly the plan with this hash" };
        Option<bool> noWait = new("--no-wait") { Description = "Return as soon as the suite has started" };
        return request
            .AddTo(
                new Command("run", "Runs the models that are missing, failed or stale, and waits for them. " + OptionsCommand.Hint(Suite))
                {
                    plan,
                    noWait,
                }
            )
            .Does(
                connection,
                screen,
                async (parsed, client, format, cancellation) =>
                {
                    JsonObject body = request.Read(parsed);
                    if (parsed.GetValue(plan) is { } hash)
                        body["planHash"] = hash;
                    Answer started = await RunStart.PostAsync(client, Suite, body, cancellation);
                    if (
                        await RunStart.FollowAsync(client, screen, format, started, parsed.GetValue(noWait), cancellation) is not { } status
                    )
                        return ExitCode.Ok;
                    JsonNode? output = status.Field("output");
                    if (format == OutputFormat.Json)
                        RunStart.Show(screen, format, status);
                    else
                        await WriteTableAsync(client, screen, cancellation);
                    if (output.Field("models") is JsonArray { Count: 0 } && output.Field("present") is JsonArray { Count: > 0 } there)
                        screen.Say($"Nothing to do: {string.Join(", ", there.Select(Fields.Plain))} passed before (--force trains again).");
                    else if (status.Text("runtimeStatus") == "Completed")
                        screen.Say(
                            $"{output.Text("verdict")}.{(output.Text("verdict") == "Incomplete" ? " Some models could not be run here; the table says why." : "")}"
                        );
                    else
                        screen.Say(output.Text("message") is { Length: > 0 } reason ? reason : Fields.Plain(output));
                    return RunWaiter.Outcome(status);
                }
            );
    }

    private static Command Plan(Connection connection, Screen screen)
    {
        RequestOptions request = new();
        return request
            .AddTo(new Command("plan", "Shows which models a run would train, and why. Starts nothing."))
            .Does(
                connection,
                screen,
                async (parsed, client, format, cancellation) =>
                {
                    JsonObject body = request.Read(parsed);
                    body["dryRun"] = true;
                    JsonView.Write(
                        screen,
                        format,
                        (await client.CallAsync(HttpMethod.Post, Suite, body.ToJsonString(), cancellation)).Body
                    );
                    return ExitCode.Ok;
                }
            );
    }

    private static Command Status(Connection connection, Screen screen)
    {
        Argument<string?> model = new("model")
        {
            Description = "One model with its versions, results and learning curves; default all",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("status", "Shows the newest result of each model.") { model }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                if (parsed.GetValue(model) is { } name)
                    JsonView.Write(
                        screen,
                        format,
                        (
                            await client.CallAsync(HttpMethod.Get, $"{Suite}/models/{Uri.EscapeDataString(name)}", json: null, cancellation)
                        ).Body
                    );
                else if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Get, Suite, json: null, cancellation)).Body);
                else
                    await WriteTableAsync(client, screen, cancellation);
                return ExitCode.Ok;
            }
        );
    }

    private static Command Compare(Connection connection, Screen screen)
    {
        Option<string?> run = new("--run") { Description = "Of this run; default the newest" };
        Option<FileInfo?> chart = new("--svg") { Description = "Also write the learning curves to this file" };
        return new Command("compare", "Shows the comparison of a suite.") { run, chart }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                string query = parsed.GetValue(run) is { } id ? $"&run={Uri.EscapeDataString(id)}" : "";
                JsonNode? body = (
                    await client.CallAsync(
                        HttpMethod.Get,
                        $"{Suite}/comparison?format={(format == OutputFormat.Json ? "json" : "markdown")}{query}",
                        json: null,
                        cancellation
                    )
                ).Body;
                if (format == OutputFormat.Json)
                    JsonView.Write(screen, format, body);
                else
                    screen.Out.WriteLine(Fields.Plain(body).TrimEnd());
                if (parsed.GetValue(chart) is { } file)
                {
                    await File.WriteAllTextAsync(
                        file.FullName,
                        Fields.Plain(
                            (await client.CallAsync(HttpMethod.Get, $"{Suite}/comparison?format=svg{query}", json: null, cancellation)).Body
                        ),
                        cancellation
                    );
                    screen.Say($"Learning curves: {file.FullName}");
                }

                return ExitCode.Ok;
            }
        );
    }

    private static Command Rollback(Connection connection, Screen screen)
    {
        Argument<string> model = new("model") { Description = "Name of the model" };
        Option<long?> to = Options.Number("--to", "Version to go back to; default the previous one");
        Option<string?> reason = new("--reason") { Description = "Recorded with the move" };
        return new Command("rollback", "Moves a model's alias back to an earlier version.") { model, to, reason }.Does(
            connection,
            screen,
            async (parsed, client, format, cancellation) =>
            {
                JsonObject body = [];
                if (parsed.GetValue(to) is { } version)
                    body["version"] = version;
                if (parsed.GetValue(reason) is { } text)
                    body["reason"] = text;
                JsonView.Write(
                    screen,
                    format,
                    (
                        await client.CallAsync(
                            HttpMethod.Post,
                            $"{Suite}/models/{Uri.EscapeDataString(parsed.GetRequiredValue(model))}/rollback",
                            body.ToJsonString(),
                            cancellation
                        )
                    ).Body
                );
                return ExitCode.Ok;
            }
        );
    }

    private static Command Export(Connection connection, Screen screen) =>
        new Command("export", "Sends the tracking server every record it does not have.").Does(
            connection,
            screen,
            async (_, client, format, cancellation) =>
            {
                JsonView.Write(screen, format, (await client.CallAsync(HttpMethod.Post, $"{Suite}/export", json: null, cancellation)).Body);
                return ExitCode.Ok;
            }
        );

    private static Command Cancel(Connection connection, Screen screen) =>
        new Command("cancel", "Asks the suite to stop its jobs and end.").Does(
            connection,
            screen,
            async (_, client, _, cancellation) =>
            {
                await client.CallAsync(HttpMethod.Post, $"operations/runs/{Suite}/cancel", json: null, cancellation);
                screen.Say($"cancel accepted for {Suite}");
                return ExitCode.Ok;
            }
        );

    private static async Task WriteTableAsync(DurableClient client, Screen screen, CancellationToken cancellation)
    {
        JsonNode? table = (await client.CallAsync(HttpMethod.Get, Suite, json: null, cancellation)).Body;
        List<JsonNode?> models = [.. table.Field("models") as JsonArray ?? []];
        Tables.Write(
            screen,
            ["model", "data", "accuracy", "gate", "time", "size", "version", "verdict"],
            models.Select(model =>
                (IReadOnlyList<string>)
                    [
                        model.Text("model"),
                        model.Text("data"),
                        Decimal(model, "accuracy", "0.0000"),
                        "> " + Decimal(model, "leastAccuracy", "0.00"),
                        Decimal(model, "trainSeconds", "0.0") is { Length: > 0 } seconds ? seconds + " s" : "",
                        model.Number("modelBytes") is { } bytes ? $"{bytes / 1024} KB" : "",
                        model.Text("version"),
                        model.Text("state"),
                    ]
            )
        );
        foreach (JsonNode? model in models.Where(model => model.Text("reason").Length > 0))
            screen.Out.WriteLine($"{model.Text("model")}: {model.Text("reason")}");
    }

    private static string Decimal(JsonNode? node, string name, string format) =>
        node.Field(name) is JsonValue value && value.TryGetValue(out double number)
            ? number.ToString(format, CultureInfo.InvariantCulture)
            : "";

    /// <summary>The options of a request.</summary>
    private sealed class RequestOptions
    {
        private readonly Option<string[]> models = Options.List("--model", "Models, comma-separated; default all");
        private readonly Option<long?> seed = Options.Number("--seed", "Seed of the training");
        private readonly Option<long?> rows = Options.Number("--train-rows", "The first training rows only");
        private readonly Option<long?> epochs = Options.Number("--epochs", "Epochs, or rounds of boosting");
        private readonly Option<bool> force = new("--force") { Description = "Also train models that have passed" };

        public Command AddTo(Command command)
        {
            foreach (Option option in (Option[])[models, seed, rows, epochs, force])
                command.Options.Add(option);
            return command;
        }

        public JsonObject Read(ParseResult parsed)
        {
            JsonObject body = new() { ["force"] = parsed.GetValue(force) };
            if (parsed.GetValue(models) is { Length: > 0 } names)
                body["models"] = new JsonArray([.. names.Select(name => (JsonNode)name)]);
            foreach (
                (string name, Option<long?> option) in ((string, Option<long?>)[])[("seed", seed), ("trainRows", rows), ("epochs", epochs)]
            )
            {
                if (parsed.GetValue(option) is { } value)
                    body[name] = value;
            }

            return body;
        }
    }
}
