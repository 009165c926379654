using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Benchmark;

/// <summary>The stand-in answers every recorded request as the real server did: same status, same members, same kinds, and the same values
/// but for ids and times.</summary>
public sealed partial class MlflowTranscriptTests(MlflowServer server) : IClassFixture<MlflowServer>
{
    private const string RecordedRun = "16ae671ffe2c49409999a83bc8266540",
        RecordedName = "1795228799566395953";

    [Fact]
    public async Task The_stand_in_answers_the_recorded_conversation()
    {
        using HttpClient http = new() { BaseAddress = new Uri(server.Address, "/api/2.0/") };
        string run = "";
        int compared = 0;
        foreach ((string method, string path, string? body, int status, JsonNode? answer) in Recorded())
        {
            // What the recording's client did before it wrote down its calls.
            string actualPath = Here(path),
                actualBody = body is null ? "" : Here(body);
            using HttpRequestMessage request = new(
                new HttpMethod(method),
                actualPath.StartsWith("mlflow-artifacts", StringComparison.Ordinal) ? actualPath : "mlflow/" + actualPath
            );
            if (body is not null)
                request.Content = new StringContent(actualBody, Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await http.SendAsync(request);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(
                (int)response.StatusCode == status,
                $"{method} {actualPath} {actualBody}: {(int)response.StatusCode}, recorded {status}: {text}"
            );
            JsonNode? got = text.StartsWith('{') ? JsonNode.Parse(text) : null;
            if (path == "runs/create")
                run = got!["run"]!["info"]!["run_id"]!.ToString();
            if (answer is not null)
            {
                AssertSame(answer, got, $"{method} {path}");
                compared++;
            }
        }

        Assert.Equal(32, compared);

        string Here(string text) => run.Length == 0 ? text : text.Replace(RecordedRun, run, StringComparison.Ordinal);
    }

    private static IEnumerable<(string Method, string Path, string? Body, int Status, JsonNode? Answer)> Recorded()
    {
        string all = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "mlflow-transcript.txt"));
        foreach (string part in Parts().Split(all).Where(part => part.Trim().Length > 0))
        {
            string head = part[..part.IndexOf('\n')],
                rest = part[(head.Length + 1)..];
            Match call = Call().Match(head),
                outcome = Outcome().Match(rest);
            int status = outcome.Success ? int.Parse(outcome.Groups[1].Value) : 200;
            string answer = (outcome.Success ? rest[..outcome.Index] : rest).Trim();
            if (head.StartsWith("experiments/create", StringComparison.Ordinal))
                yield return (
                    "POST",
                    "experiments/create",
                    $$"""{"name": "bench-{{RecordedName}}", "tags": [{"key": "suite", "value": "b"}]}""",
                    200,
                    JsonNode.Parse("{" + answer)
                );
            else if (head.StartsWith("runs/create", StringComparison.Ordinal))
                yield return (
                    "POST",
                    "runs/create",
                    """{"experiment_id": "1", "run_name": "xgboost", "start_time": 1700000000000, "tags": [{"key": "mlflow.user", "value": "svc"}]}""",
                    200,
                    JsonNode.Parse("{" + answer)
                );
            else if (head == "PUT artifact via mlflow-artifacts proxy")
                yield return (
                    "PUT",
                    $"mlflow-artifacts/artifacts/1/{RecordedRun}/artifacts/model/m.txt",
                    "hello-model\n",
                    200,
                    JsonNode.Parse("{}")
                );
            else if (head == "GET artifact")
                yield return ("GET", $"mlflow-artifacts/artifacts/1/{RecordedRun}/artifacts/model/m.txt", null, 200, null);
            else if (head == "unknown route")
                yield return ("GET", "no/such/route", null, 404, null);
            else
                yield return (
                    call.Groups[1].Value,
                    call.Groups[2].Value,
                    call.Groups[3].Success ? call.Groups[3].Value : null,
                    status,
                    JsonNode.Parse(answer)
                );
        }
    }

    private static void AssertSame(JsonNode? recorded, JsonNode? got, string at)
    {
        switch (recorded)
        {
            case JsonObject members:
                Assert.True(got is JsonObject, $"{at}: {got?.ToJsonString()} is no object");
                Assert.True(
                    members.Select(member => member.Key).Order().SequenceEqual(got!.AsObject().Select(member => member.Key).Order()),
                    $"{at}: recorded {members.ToJsonString()}, got {got.ToJsonString()}"
                );
                foreach ((string name, JsonNode? value) in members)
                    AssertSame(value, got[name], $"{at}.{name}");
                break;
            case JsonArray items:
                Assert.True(
                    got is JsonArray other && other.Count == items.Count,
                    $"{at}: recorded {items.ToJsonString()}, got {got?.ToJsonString()}"
                );
                JsonNode?[] theirs = [.. items.OrderBy(Key)],
                    ours = [.. got!.AsArray().OrderBy(Key)]; // the order of tags and parameters is nobody's promise
                for (int i = 0; i < theirs.Length; i++)
                    AssertSame(theirs[i], ours[i], $"{at}[{i}]");
                break;
            default:
                Assert.True(
                    recorded!.GetValueKind() == got?.GetValueKind(),
                    $"{at}: recorded {recorded.ToJsonString()}, got {got?.ToJsonString()}"
                );
                if (!Moving().IsMatch(at))
                    Assert.True(Plain(recorded) == Plain(got!), $"{at}: recorded {recorded.ToJsonString()}, got {got!.ToJsonString()}");
                break;
        }

        static string Key(JsonNode? node) => node is JsonObject pair && pair["key"] is { } key ? $"{key} {pair["step"]}" : "";
        static string Plain(JsonNode node) => RunIds().Replace(node.ToString().Split(" Error: ")[0], "RUN"); // after that comes the real server's SQL
    }

    [GeneratedRegex(@"(?m)^--- |^(?=experiments/create \{|runs/create \{)")]
    private static partial Regex Parts();

    [GeneratedRegex(@"\A(GET|POST|PATCH|PUT) (\S+)(?: (\{.*\}))?\s*\z")]
    private static partial Regex Call();

    [GeneratedRegex(@"\[(\d{3})[^\]]*\]\s*\z")]
    private static partial Regex Outcome();

    [GeneratedRegex("timestamp|creation_time|last_update_time")]
    private static partial Regex Moving();

    [GeneratedRegex("[0-9a-f]{32}")]
    private static partial Regex RunIds();
}
