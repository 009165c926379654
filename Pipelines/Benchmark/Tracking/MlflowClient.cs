using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Tracking;

/// <summary>
/// The part of MLflow's REST API 2.0 that the suite needs. Every write is safe to repeat: existing objects are found instead of created
/// again, and a metric is written once per run, key and step.
/// </summary>
/// <remarks>Contract: recorded calls to a 2.9 server, <c>tests/Data/mlflow-transcript.txt</c>. Errors are <c>{error_code, message}</c>; ids
/// and versions are texts, times and steps numbers; NaN and infinity are texts.</remarks>
public sealed class MlflowClient(HttpClient http, Uri server, string? token = null)
{
    /// <summary>Limits of one <c>log-batch</c>.</summary>
    public const int MostMetrics = 1000,
        MostParams = 100,
        MostTags = 100;

    private const int LongestKey = 250,
        LongestParam = 500,
        LongestTag = 5000,
        LargestBatchBytes = 900_000;

    private const string AlreadyExists = "RESOURCE_ALREADY_EXISTS",
        DoesNotExist = "RESOURCE_DOES_NOT_EXIST";

    /// <summary>Finds an experiment by name, or creates it.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> EnsureExperimentAsync(string name, CancellationToken cancellationToken = default)
    {
        if (await FindExperimentAsync(name, cancellationToken) is { } found)
            return found;
        try
        {
            return Text(await PostAsync("experiments/create", new JsonObject { ["name"] = name }, cancellationToken), "experiment_id");
        }
        catch (MlflowRefusedException taken) when (taken.Code == AlreadyExists) // created concurrently
        {
            return await FindExperimentAsync(name, cancellationToken)
                ?? throw new MlflowRefusedException(
                    "experiments/create",
                    400,
                    AlreadyExists,
                    $"experiment '{name}' exists and cannot be read"
                );
        }
    }

    /// <summary>Id of an experiment; null when there is none.</summary>
    /// <exception cref="MlflowRefusedException">It is deleted: its name is taken, and it accepts no logs.</exception>
    public async Task<string?> FindExperimentAsync(string name, CancellationToken cancellationToken = default)
    {
        JsonNode? answer = await FindAsync($"experiments/get-by-name?experiment_name={Uri.EscapeDataString(name)}", cancellationToken);
        if (answer?["experiment"] is not { } experiment)
            return null;
        return Text(experiment, "lifecycle_stage") == "deleted"
            ? throw new MlflowRefusedException(
                "experiments/get-by-name",
                400,
                "INVALID_STATE",
                $"experiment '{name}' is deleted: restore it, or set Benchmark__Experiment to another name"
            )
            : Text(experiment, "experiment_id");
    }

    /// <summary>The run with a tag, or a new one with it: a run whose first answer was lost is found again.</summary>
    /// <param name="key">Tag and value, unique in the experiment.</param>
    public async Task<MlflowRun> EnsureRunAsync(
        string experimentId,
        string name,
        (string Name, string Value) key,
        long startMs,
        IReadOnlyDictionary<string, string> tags,
        CancellationToken cancellationToken = default
    )
    {
        if (await FindRunAsync(experimentId, key, cancellationToken) is { } found)
            return found;
        JsonNode answer = await PostAsync(
            "runs/create",
            new JsonObject
            {
                ["experiment_id"] = experimentId,
                ["run_name"] = name,
                ["start_time"] = startMs,
                ["tags"] = Pairs([KeyValuePair.Create(key.Name, key.Value), .. tags.Where(tag => tag.Key != key.Name)], LongestTag),
            },
            cancellationToken
        );
        return Run(answer["run"]!);
    }

    /// <summary>The run with a tag; null when there is none.</summary>
    public async Task<MlflowRun?> FindRunAsync(
        string experimentId,
        (string Name, string Value) key,
        CancellationToken cancellationToken = default
    )
    {
        JsonNode answer = await PostAsync(
            "runs/search",
            new JsonObject
            {
                ["experiment_ids"] = new JsonArray(experimentId),
                ["filter"] = $"tags.`{key.Name}` = '{Quoted(key.Value)}'",
                ["max_results"] = 1,
                ["order_by"] = new JsonArray("attributes.start_time ASC"),
            },
            cancellationToken
        );
        return answer["runs"] is JsonArray { Count: > 0 } runs ? Run(runs[0]!) : null;
    }

    /// <summary>Logs parameters, tags and metrics in as few calls as the limits allow.</summary>
    /// <remarks>Metrics append: steps that the server already has are left out, so a repeated call, also after a lost answer, duplicates
    /// nothing. One writer per run at a time.</remarks>
    /// <exception cref="MlflowRefusedException">A parameter was already logged with another value; parameters never change.</exception>
    public async Task LogAsync(
        string runId,
        IReadOnlyList<MlflowMetric> metrics,
        IReadOnlyDictionary<string, string> parameters,
        IReadOnlyDictionary<string, string> tags,
        CancellationToken cancellationToken = default
    )
    {
        List<MlflowMetric> missing = [];
        foreach (IGrouping<string, MlflowMetric> key in metrics.GroupBy(metric => metric.Key))
        {
            HashSet<long> known = [.. (await HistoryAsync(runId, key.Key, cancellationToken)).Select(metric => metric.Step)];
            missing.AddRange(key.Where(metric => known.Add(metric.Step)));
        }

        Queue<MlflowMetric> metricsLeft = new(missing);
        Queue<KeyValuePair<string, string>> paramsLeft = new(parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal)),
            tagsLeft = new(tags.OrderBy(pair => pair.Key, StringComparer.Ordinal));
        while (metricsLeft.Count + paramsLeft.Count + tagsLeft.Count > 0)
        {
            int bytes = 0;
            JsonArray metricPart = [],
                paramPart = [],
                tagPart = [];
            Take(paramsLeft, paramPart, MostParams, pair => Pair(pair, LongestParam));
            Take(tagsLeft, tagPart, MostTags, pair => Pair(pair, LongestTag));
            Take(
                metricsLeft,
                metricPart,
                MostMetrics,
                metric => new JsonObject
                {
                    ["key"] = Cut(metric.Key, LongestKey),
                    ["value"] = Number(metric.Value),
                    ["timestamp"] = metric.TimestampMs,
                    ["step"] = metric.Step,
                }
            );
            await PostAsync(
                "runs/log-batch",
                new JsonObject
                {
                    ["run_id"] = runId,
                    ["metrics"] = metricPart,
                    ["params"] = paramPart,
                    ["tags"] = tagPart,
                },
                cancellationToken
            );

            void Take<T>(Queue<T> from, JsonArray to, int most, Func<T, JsonObject> json)
            {
                while (to.Count < most && from.TryPeek(out T? next))
                {
                    JsonObject item = json(next);
                    int size = Encoding.UTF8.GetByteCount(item.ToJsonString()) + 1;
                    if (bytes + size > LargestBatchBytes)
                        return;
                    bytes += size;
                    to.Add(item);
                    from.Dequeue();
                }
            }
        }
    }

    /// <summary>All values of a metric.</summary>
    public async Task<IReadOnlyList<MlflowMetric>> HistoryAsync(string runId, string key, CancellationToken cancellationToken = default)
    {
        List<MlflowMetric> all = [];
        string? page = null;
        do
        {
            JsonNode? answer = await GetAsync(
                $"metrics/get-history?run_id={Uri.EscapeDataString(runId)}&metric_key={Uri.EscapeDataString(key)}{(page is null ? "" : "&page_token=" + Uri.EscapeDataString(page))}",
                cancellationToken
            );
            foreach (JsonNode? metric in answer["metrics"] as JsonArray ?? [])
                all.Add(new MlflowMetric(Text(metric!, "key"), Double(metric!["value"]), Long(metric["timestamp"]), Long(metric["step"])));
            page = answer["next_page_token"] is JsonValue next ? next.ToString() : null;
        } while (page is { Length: > 0 });
        return all;
    }

    /// <summary>Ends a run. Safe to call twice.</summary>
    public Task EndRunAsync(string runId, MlflowStatus status, long endMs, CancellationToken cancellationToken = default) =>
        PostAsync(
            "runs/update",
            new JsonObject
            {
                ["run_id"] = runId,
                ["status"] = status.Text(),
                ["end_time"] = endMs,
            },
            cancellationToken
        );

    public Task SetTagAsync(string runId, string key, string value, CancellationToken cancellationToken = default) =>
        PostAsync(
            "runs/set-tag",
            new JsonObject
            {
                ["run_id"] = runId,
                ["key"] = key,
                ["value"] = Cut(value, LongestTag),
            },
            cancellationToken
        );

    /// <summary>Uploads a file to a run's artefacts through the server. Safe to call twice.</summary>
    /// <exception cref="MlflowRefusedException">The server does not serve artefacts (it runs without <c>--serve-artifacts</c>).</exception>
    public async Task PutArtifactAsync(
        MlflowRun run,
        string path,
        byte[] content,
        string mediaType,
        CancellationToken cancellationToken = default
    )
    {
        const string Proxied = "mlflow-artifacts:/";
        if (!run.ArtifactUri.StartsWith(Proxied, StringComparison.Ordinal))
            throw new MlflowRefusedException(
                "an artefact",
                400,
                "NOT_PROXIED",
                $"artefacts of run {run.RunId} lie at {run.ArtifactUri}; start the server with --serve-artifacts"
            );
        string root = run.ArtifactUri[Proxied.Length..].Trim('/'),
            escaped = string.Join('/', $"{root}/{path}".Split('/').Select(Uri.EscapeDataString));
        using HttpRequestMessage request = new(HttpMethod.Put, Address($"mlflow-artifacts/artifacts/{escaped}"))
        {
            Content = new ByteArrayContent(content) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
        };
        await SendAsync(request, "PUT artifact", cancellationToken);
    }

    /// <summary>A run's version of a model, or a new one. Creates the model if needed.</summary>
    public async Task<MlflowVersion> EnsureVersionAsync(
        string model,
        MlflowRun run,
        string artifactPath,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            await PostAsync("registered-models/create", new JsonObject { ["name"] = model }, cancellationToken);
        }
        catch (MlflowRefusedException known) when (known.Code == AlreadyExists)
        {
            if ((await VersionsAsync(model, cancellationToken)).FirstOrDefault(version => version.RunId == run.RunId) is { } found)
                return found;
        }

        JsonNode answer = await PostAsync(
            "model-versions/create",
            new JsonObject
            {
                ["name"] = model,
                ["source"] = $"{run.ArtifactUri}/{artifactPath}",
                ["run_id"] = run.RunId,
            },
            cancellationToken
        );
        return Version(answer["model_version"]!);
    }

    /// <summary>All versions of a model.</summary>
    public async Task<IReadOnlyList<MlflowVersion>> VersionsAsync(string model, CancellationToken cancellationToken = default)
    {
        List<MlflowVersion> all = [];
        string? page = null;
        do
        {
            JsonNode answer = await GetAsync(
                $"model-versions/search?filter={Uri.EscapeDataString($"name='{Quoted(model)}'")}{(page is null ? "" : "&page_token=" + Uri.EscapeDataString(page))}",
                cancellationToken
            );
            all.AddRange((answer["model_versions"] as JsonArray ?? []).Select(version => Version(version!)));
            page = answer["next_page_token"] is JsonValue next ? next.ToString() : null;
        } while (page is { Length: > 0 });
        return all;
    }

    /// <summary>Points an alias at a version. Safe to call twice.</summary>
    public Task SetAliasAsync(string model, string alias, string version, CancellationToken cancellationToken = default) =>
        PostAsync(
            "registered-models/alias",
            new JsonObject
            {
                ["name"] = model,
                ["alias"] = alias,
                ["version"] = version,
            },
            cancellationToken
        );

    public Task DescribeVersionAsync(string model, string version, string description, CancellationToken cancellationToken = default) =>
        SendJsonAsync(
            HttpMethod.Patch,
            "model-versions/update",
            new JsonObject
            {
                ["name"] = model,
                ["version"] = version,
                ["description"] = description,
            },
            cancellationToken
        );

    public Task TagVersionAsync(string model, string version, string key, string value, CancellationToken cancellationToken = default) =>
        PostAsync(
            "model-versions/set-tag",
            new JsonObject
            {
                ["name"] = model,
                ["version"] = version,
                ["key"] = key,
                ["value"] = Cut(value, LongestTag),
            },
            cancellationToken
        );

    private async Task<JsonNode?> FindAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync(path, cancellationToken);
        }
        catch (MlflowRefusedException absent) when (absent.Code == DoesNotExist)
        {
            return null;
        }
    }

    private async Task<JsonNode> GetAsync(string path, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, Address("mlflow/" + path));
        return await SendAsync(request, "GET " + path.Split('?')[0], cancellationToken);
    }

    private Task<JsonNode> PostAsync(string path, JsonObject body, CancellationToken cancellationToken) =>
        SendJsonAsync(HttpMethod.Post, path, body, cancellationToken);

    private async Task<JsonNode> SendJsonAsync(HttpMethod method, string path, JsonObject body, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(method, Address("mlflow/" + path))
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        return await SendAsync(request, $"{method} {path}", cancellationToken);
    }

    private async Task<JsonNode> SendAsync(HttpRequestMessage request, string operation, CancellationToken cancellationToken)
    {
        if (token is { Length: > 0 })
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        string text;
        HttpStatusCode status;
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, cancellationToken);
            status = response.StatusCode;
            text = await response.Content.ReadAsStringAsync(cancellationToken);
        }
        catch (HttpRequestException error)
        {
            throw new MlflowUnavailableException(operation, error.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MlflowUnavailableException(operation, $"nothing within {http.Timeout.TotalSeconds:0} s");
        }

        JsonObject? json = Json(text);
        if ((int)status is >= 200 and < 300)
            return json
                ?? throw new MlflowUnavailableException(operation, "an answer that is not JSON: something other than MLflow answers there");
        string code = json?["error_code"]?.ToString() ?? "",
            message = json?["message"]?.ToString() ?? text;
        message = Durable.Postgres.Redaction.Redact(message.Split('\n')[0]); // the rest is the server's SQL
        if (message.Length > 400)
            message = message[..400];
        return
            (int)status >= 500
            || status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            || code is "TEMPORARILY_UNAVAILABLE" or "REQUEST_LIMIT_EXCEEDED"
            ? throw new MlflowUnavailableException(operation, $"{(int)status} {code} {message}")
            : throw new MlflowRefusedException(operation, (int)status, code.Length > 0 ? code : "no error code", message);
    }

    private Uri Address(string path) => new($"{server.AbsoluteUri.TrimEnd('/')}/api/2.0/{path}");

    private static JsonObject? Json(string text)
    {
        try
        {
            return text.Length == 0 ? [] : JsonNode.Parse(text) as JsonObject;
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static MlflowRun Run(JsonNode run)
    {
        JsonNode info = run["info"]!;
        JsonNode? data = run["data"];
        return new MlflowRun(
            Text(info, "run_id"),
            Text(info, "experiment_id"),
            Text(info, "run_name"),
            StoredText.Read<MlflowStatus>(Text(info, "status")),
            Text(info, "artifact_uri"),
            Pairs(data?["params"]),
            (data?["metrics"] as JsonArray ?? []).ToDictionary(metric => Text(metric!, "key"), metric => Double(metric!["value"])),
            Pairs(data?["tags"])
        );

        static Dictionary<string, string> Pairs(JsonNode? list) =>
            (list as JsonArray ?? []).ToDictionary(pair => Text(pair!, "key"), pair => Text(pair!, "value"));
    }

    private static MlflowVersion Version(JsonNode version) =>
        new(Text(version, "name"), Text(version, "version"), version["run_id"]?.ToString(), Text(version, "source"));

    private static JsonArray Pairs(IEnumerable<KeyValuePair<string, string>> pairs, int longest) =>
        [.. pairs.Select(pair => (JsonNode)Pair(pair, longest))];

    private static JsonObject Pair(KeyValuePair<string, string> pair, int longest) =>
        new() { ["key"] = Cut(pair.Key, LongestKey), ["value"] = Cut(pair.Value, longest) };

    private static JsonValue Number(double value) =>
        double.IsFinite(value)
            ? JsonValue.Create(value)
            : JsonValue.Create(
                double.IsNaN(value) ? "NaN"
                : value > 0 ? "Infinity"
                : "-Infinity"
            );

    private static double Double(JsonNode? value) =>
        value is JsonValue number && number.TryGetValue(out double plain)
            ? plain
            : double.Parse(value?.ToString() ?? "NaN", CultureInfo.InvariantCulture);

    private static long Long(JsonNode? value) => value is null ? 0 : long.Parse(value.ToString(), CultureInfo.InvariantCulture);

    private static string Text(JsonNode node, string name) => node[name]?.ToString() ?? "";

    private static string Cut(string text, int longest) => text.Length <= longest ? text : text[..(longest - 1)] + "…";

    /// <summary>A text in quotes for a search filter, which has no escapes.</summary>
    private static string Quoted(string text) =>
        text.Contains('\'', StringComparison.Ordinal) ? throw new ArgumentException($"'{text}' cannot be searched for.") : text;
}
