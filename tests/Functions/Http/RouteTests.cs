using System.Globalization;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text;
using Durable.Host;
using Durable.Host.Http;
using Durable.Host.Management;
using Durable.Tests.AzureHost;
using Durable.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;

namespace Durable.Tests.Functions.Http;

/// <summary>Every route that the app and its host serve is called over HTTP, with values that are right and values that are not. A new
/// route that no call names fails here.</summary>
public sealed class RouteTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    private const string Bucket = "route-tests",
        Role = "arn:aws:iam::123456789012:role/sandbox";

    /// <summary>Status, verb, path, body. In order: later calls meet what earlier ones did.</summary>
    private const string Calls = """
        200 GET /
        404 POST /
        404 GET /nowhere
        200 GET /healthz
        404 POST /healthz
        200 GET /readyz
        404 POST /readyz
        200 GET /admin/host/ping
        200 POST /admin/host/ping
        404 DELETE /admin/host/ping
        200 GET /admin/host/status
        404 POST /admin/host/status
        200 GET /admin/functions
        404 DELETE /admin/functions
        200 GET /admin/functions/reapclusters
        404 GET /admin/functions/NoSuch
        202 POST /admin/functions/ReapClusters {}
        404 POST /admin/functions/NoSuch {}
        400 POST /admin/functions/ReapClusters [1
        400 POST /admin/functions/ListRuns {}
        200 GET /admin/timers
        404 POST /admin/timers
        204 POST /admin/timers/ApplyRetention/pause
        404 POST /admin/timers/NoSuch/pause
        204 POST /admin/timers/ApplyRetention/resume
        404 POST /admin/timers/NoSuch/resume
        200 GET /api/options
        404 POST /api/options
        200 GET /api/runs
        404 DELETE /api/runs
        404 GET /api/runs/nobody
        400 GET /api/runs/a%00b
        200 GET /api/operations/leases?state=all&top=5
        400 GET /api/operations/leases?state=lost
        400 GET /api/operations/leases?cluster=%00
        404 GET /api/climate/grid
        200 GET /api/climate/statistics
        400 GET /api/climate/statistics?query=maybe
        422 POST /api/climate/hazard {}
        400 POST /api/climate/hazard {"scenario":"SSP999"}
        422 POST /api/climate/probability {}
        400 POST /api/climate/probability {"startYear":1999}
        422 POST /api/climate/annual {}
        400 POST /api/climate/annual {"workers":0}
        400 POST /api/climate/sample {"cells":0}
        400 POST /api/climate/sample {"cells":1,"CELLS":2}
        202 POST /api/climate/sample {"cells":2,"startYear":2021,"endYear":2022}
        WAIT climate-sample
        200 GET /api/climate/grid
        200 POST /api/climate/hazard {"startYear":2021,"endYear":2021,"dryRun":true}
        200 POST /api/climate/probability {"startYear":2021,"endYear":2021,"dryRun":true}
        200 POST /api/climate/annual {"startYear":2021,"endYear":2021,"dryRun":true}
        409 POST /api/climate/hazard {"startYear":2021,"endYear":2021,"planHash":"0000000000000000"}
        202 POST /api/climate/hazard {"startYear":2021,"endYear":2021,"scenario":"SSP245"}
        200 POST /api/climate/import/location_admin admin_code,admin_name,population
        400 POST /api/climate/import/pg_class admin_code,admin_name,population
        400 POST /api/climate/import/location_admin no,such,column
        202 POST /api/climate/pack
        404 GET /api/climate/pack
        400 POST /api/pothole {"date":"2026-02-30"}
        400 POST /api/pothole {"date":"2026-02-12","from":"2026-02-12"}
        200 POST /api/pothole {"date":"2026-02-12","dryRun":true}
        202 POST /api/pothole {"date":"2026-02-12"}
        200 GET /api/pothole/2026-02-12
        400 GET /api/pothole/yesterday
        WAIT pothole-2026-02-12
        200 GET /api/runs/pothole-2026-02-12
        404 POST /api/operations/runs/nobody/cancel
        400 POST /api/operations/runs/spot-now/cancel?reason=%00
        202 POST /api/spot/workload {}
        400 POST /api/spot/workload {"date":"2020-01-01"}
        400 POST /api/spot/workload {"date":"2020-01-01","DATE":"2020-01-02"}
        WAIT spot-workload-{today}
        200 POST /api/spot {"dryRun":true}
        202 POST /api/spot {}
        400 POST /api/spot {"slot":"tomorrow"}
        400 POST /api/spot {"slot":"2026-11-26T10:20","slot":"2026-11-26T10:30"}
        400 POST /api/spot {"maxRemovedShare":2}
        400 POST /api/spot {"unknown":1}
        400 POST /api/spot {"plan":"\u0000"}
        400 POST /api/spot/backfill {"plan":"\ud83d"}
        200 POST /api/spot/backfill {"dryRun":true}
        400 POST /api/spot/backfill {"from":"x"}
        200 GET /api/spot/gaps
        400 GET /api/spot/gaps?from=x
        200 GET /api/spot/market
        400 GET /api/spot/market?limit=0
        400 GET /api/spot/market?type=a%00b
        200 GET /api/spot/history?type=t3.micro&region=eu-north-1&zone=eun1-az1
        400 GET /api/spot/history
        400 GET /api/spot/history?type=%00&region=a&zone=b
        404 GET /api/spot/slots/2026-01-01T00:00
        400 GET /api/spot/slots/never
        200 GET /api/returns
        200 GET /api/returns/models
        404 POST /api/returns/models
        404 DELETE /api/returns
        400 POST /api/returns {"limit":0}
        400 POST /api/returns {"limit":1,"LIMIT":2}
        422 POST /api/returns {"skipDataPrep":true,"dryRun":true}
        202 POST /api/returns {}
        202 POST /api/returns/inference
        404 GET /api/returns/inference
        404 POST /api/returns/predict {}
        400 POST /api/returns/predict {"base_ts":"noon"}
        400 POST /api/returns/predict {"base_ts":"\ud83d"}
        400 POST /api/returns/predict {"base_ts":"2026-01-01","BASE_TS":"2026-01-02","base_ts":"2026-01-03"}
        422 POST /api/returns/predict/batch {}
        404 POST /api/returns/rollback {}
        400 POST /api/returns/rollback {"version":1}
        400 POST /api/returns/rollback {"version":"a\u0000b"}
        400 POST /api/returns/rollback {"verson":"x"}
        200 GET /api/benchmark
        404 DELETE /api/benchmark
        200 POST /api/benchmark {"models":["xgboost"],"dryRun":true}
        400 POST /api/benchmark {"models":["nothing"]}
        400 POST /api/benchmark {"seed":1,"Seed":2}
        404 GET /api/benchmark/comparison
        400 GET /api/benchmark/comparison?run=a%00b
        400 GET /api/benchmark/comparison?format=png
        200 GET /api/benchmark/models/xgboost
        404 GET /api/benchmark/models/resnet
        404 POST /api/benchmark/models/resnet/rollback {}
        400 POST /api/benchmark/models/xgboost/rollback {"version":0}
        400 POST /api/benchmark/models/xgboost/rollback {"verson":1}
        400 POST /api/benchmark/models/xgboost/rollback {"reason":"a\u0000b"}
        409 POST /api/benchmark/models/xgboost/rollback {}
        422 POST /api/benchmark/export
        200 GET /runtime/webhooks/durabletask/instances?top=1
        400 GET /runtime/webhooks/durabletask/instances?top=-1
        202 POST /runtime/webhooks/durabletask/orchestrators/SpotBackfill/route-1 {"From":"2026-11-26T10:00","To":"2026-11-26T10:00"}
        202 POST /runtime/webhooks/durabletask/orchestrators/NoSuch/route-2
        400 POST /runtime/webhooks/durabletask/orchestrators/SpotBackfill/route-3 {
        200 GET /runtime/webhooks/durabletask/instances/climate-sample
        404 GET /runtime/webhooks/durabletask/instances/nobody
        404 POST /runtime/webhooks/durabletask/instances/nobody/raiseEvent/x {}
        410 POST /runtime/webhooks/durabletask/instances/climate-sample/raiseEvent/x {}
        410 POST /runtime/webhooks/durabletask/instances/climate-sample/suspend?reason=x
        410 POST /runtime/webhooks/durabletask/instances/climate-sample/resume?reason=x
        410 POST /runtime/webhooks/durabletask/instances/climate-sample/terminate?reason=x
        400 POST /runtime/webhooks/durabletask/instances/climate-sample/terminate?reasons=x
        412 POST /runtime/webhooks/durabletask/instances/climate-sample/rewind?reason=x
        400 POST /runtime/webhooks/durabletask/instances/nobody/restart
        202 POST /runtime/webhooks/durabletask/instances/climate-sample/restart
        WAIT climate-pack
        200 DELETE /runtime/webhooks/durabletask/instances/climate-pack
        404 DELETE /runtime/webhooks/durabletask/instances/nobody
        400 DELETE /runtime/webhooks/durabletask/instances?status=Completed
        """;

    /// <summary>Right calls that need a trained model, a finished suite or a run in hand stand in the tests that make one.</summary>
    private static readonly Dictionary<string, (string File, string Text)> Elsewhere = new()
    {
        ["POST /api/returns/predict"] = ("tests/Functions/ReturnsAppTests.cs", "\"/api/returns/predict\""),
        ["POST /api/returns/predict/batch"] = ("tests/Functions/ReturnsAppTests.cs", "\"/api/returns/predict/batch\""),
        ["POST /api/returns/rollback"] = ("tests/Functions/ReturnsAppTests.cs", "PostAsync(\"/api/returns/rollback\")"),
        ["GET /api/benchmark/comparison"] = ("tests/Functions/BenchmarkSuiteTests.cs", "/api/benchmark/comparison"),
        ["POST /api/benchmark/models/{model}/rollback"] = (
            "tests/Functions/BenchmarkSuiteTests.cs",
            "/api/benchmark/models/xgboost/rollback"
        ),
        ["POST /api/benchmark/export"] = ("tests/Functions/BenchmarkSuiteTests.cs", "/api/benchmark/export"),
        ["POST /api/operations/runs/{instanceId}/cancel"] = (
            "tests/Functions/ReturnsLifeTests.cs",
            "Assert.Equal(HttpStatusCode.Accepted, (await world.App.PostAsync($\"/api/operations/runs/"
        ),
        ["GET /api/spot/slots/{slot}"] = ("tests/Functions/SpotSlotTests.cs", "GetAsync($\"/api/spot/slots/{slot}\")"),
    };

    [Fact]
    public async Task Every_call_of_the_catalogue_is_answered_as_it_says()
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        Dictionary<string, string> settings = new(sandbox.Environment)
        {
            ["Pothole__Bucket"] = Bucket,
            ["Pothole__MasterInstanceId"] = "i-0123456789abcdef0",
            ["Pothole__WorkerInstanceIds"] = "i-0123456789abcdef1",
            ["Spot__Bucket"] = Bucket,
            ["Returns__Bucket"] = Bucket,
            ["Returns__RoleArn"] = Role,
            ["Benchmark__Bucket"] = Bucket,
            ["Benchmark__RoleArn"] = Role,
            ["Benchmark__Images"] = "xgboost=sandbox/xgboost:1",
            ["AzureWebJobs.ApplyRetention.Disabled"] = "false", // one timer that has a row and does no harm
        };
        await using AppProcess app = await AppProcess.StartAsync(settings: settings);
        using HttpClient http = new() { BaseAddress = new Uri(app.Url), Timeout = TimeSpan.FromMinutes(1) };
        List<string> wrong = [];
        foreach (Call call in Catalogue())
        {
            if (call.Verb == "WAIT")
            {
                await app.WaitAsync(call.Path);
                continue;
            }

            using HttpRequestMessage request = new(new HttpMethod(call.Verb), call.Path);
            if (call.Body is not null)
                request.Content = new StringContent(
                    call.Body,
                    Encoding.UTF8,
                    new MediaTypeHeaderValue(call.Path.Contains("/import/", StringComparison.Ordinal) ? "text/csv" : "application/json")
                );
            using HttpResponseMessage answer = await http.SendAsync(request);
            if ((int)answer.StatusCode != call.Status)
                wrong.Add($"{call}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Every_route_has_a_right_and_a_wrong_call()
    {
        IReadOnlySet<Route> routes = await RoutesAsync();
        string[] templates = [.. routes.Select(route => route.Template).Distinct()];
        Call[] calls = [.. Catalogue().Where(call => call.Verb != "WAIT").Select(call => call.On(templates))];
        string[] bare =
        [
            .. from route in routes
            let own = calls.Where(call => call.Route == route.Template).ToArray()
            let elsewhere = Elsewhere.ContainsKey($"{route.Verb} {route.Template}")
            let right = elsewhere || own.Any(call => call.Verb == route.Verb && call.Status < 400)
            where !right || !own.Any(call => call.Status is >= 400 and < 500)
            select $"{route.Verb} {route.Template} has no {(right ? "wrong" : "right")} call",
        ];

        Assert.Empty(bare);
    }

    [Fact]
    public void Every_operation_of_the_management_api_has_a_wrong_call_and_a_right_one()
    {
        (ManagementOperation Operation, int Status)[] told =
        [
            .. from call in Catalogue()
            where call.Path.StartsWith(ManagementEndpoints.Base, StringComparison.Ordinal)
            let route = ManagementRoute.Read(call.Verb, call.Path.Split('?')[0][ManagementEndpoints.Base.Length..])
            where route is not null
            select (route.Value.Operation, call.Status),
        ];
        string right = Source("tests/Host/Management/InstanceTests.cs"); // needs instances in given states

        foreach (ManagementOperation operation in Enum.GetValues<ManagementOperation>())
        {
            Assert.True(told.Any(call => call.Operation == operation && call.Status >= 400), $"{operation} has no wrong call");
            Assert.True(
                told.Any(call => call.Operation == operation && call.Status < 400)
                    || right.Contains($"\"{operation}", StringComparison.OrdinalIgnoreCase)
                    || right.Contains($"/{operation}", StringComparison.OrdinalIgnoreCase)
                    || (operation == ManagementOperation.PurgeMany && right.Contains("/instances?", StringComparison.Ordinal)),
                $"{operation} has no right call"
            );
        }
    }

    [Fact]
    public void A_right_call_that_stands_elsewhere_stands_there() =>
        Assert.All(Elsewhere.Values, place => Assert.Contains(Dense(place.Text), Dense(Source(place.File)), StringComparison.Ordinal));

    /// <summary>Without blanks and line breaks: how a call is laid out is the formatter's affair.</summary>
    private static string Dense(string text) => string.Concat(text.Where(letter => !char.IsWhiteSpace(letter)));

    private static string Source(string file) => File.ReadAllText(Path.Combine(Scripts.Terminal.Root, file));

    private static IEnumerable<Call> Catalogue() =>
        Calls.Replace("{today}", $"{DateTime.UtcNow:yyyy-MM-dd}", StringComparison.Ordinal).Split('\n').Select(Call.Read);

    /// <summary>What the Azure host serves by <c>functions.metadata</c>, and what the embedded host has mapped; not the management API,
    /// which is one route.</summary>
    private static async Task<IReadOnlySet<Route>> RoutesAsync()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("durable-routes-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "host.json"), """{ "version": "2.0" }""");
            await using WebApplication app = new EmbeddedHostBuilder(["--PostgresConnection=Host=127.0.0.1;Port=1"], folder.FullName).Build(
                Assembly.Load("Durable")
            );
            HashSet<Route> routes =
            [
                .. from endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
                let template = "/" + endpoint.RoutePattern.RawText!.TrimStart('/')
                where !template.StartsWith(ManagementEndpoints.Base, StringComparison.Ordinal)
                from verb in endpoint.Metadata.GetMetadata<EndpointVerbs>()?.Verbs ?? ["GET"]
                where verb != "HEAD"
                select new Route(verb, template),
            ];
            Route[] published =
            [
                .. from function in AppOutput.Functions()
                from binding in function.GetProperty("bindings").EnumerateArray()
                where binding.GetProperty("type").GetString() == "httpTrigger"
                from verb in binding.GetProperty("methods").EnumerateArray()
                select new Route(verb.GetString()!.ToUpperInvariant(), "/api/" + binding.GetProperty("route").GetString()),
            ];
            Assert.NotEmpty(published);
            routes.UnionWith(published);
            return routes;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed record Route(string Verb, string Template);

    private sealed record Call(int Status, string Verb, string Path, string? Body)
    {
        public string? Route { get; private init; }

        /// <summary>The route that serves it, whatever its verb: the one with the fewest parameters.</summary>
        public Call On(IEnumerable<string> templates) =>
            this with
            {
                Route = templates
                    .Where(template =>
                        new TemplateMatcher(TemplateParser.Parse(template[1..]), []).TryMatch(
                            Path.Split('?')[0].Replace("%", "", StringComparison.Ordinal),
                            []
                        )
                    )
                    .MinBy(template => template.Count(c => c == '{')),
            };

        public static Call Read(string line)
        {
            string[] parts = line.Trim().Split(' ', 4);
            return parts[0] == "WAIT"
                ? new(0, "WAIT", parts[1], null)
                : new(int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], parts[2], parts.ElementAtOrDefault(3));
        }
    }
}
