using System.CommandLine;
using System.Text.RegularExpressions;
using Durable.Cli;
using Durable.Cli.Output;
using Durable.Tests.Scripts;

namespace Durable.Tests.Cli;

/// <summary>Every command that lists something, fed with what a busy house has: long ids, long errors, eighty years. No line is wider than
/// the screen, and the first column is whole or cut, never gone.</summary>
public sealed partial class ListCommandTests
{
    private const string Instances = "/runtime/webhooks/durabletask/instances";

    /// <summary>So wide is a table that fits no screen.</summary>
    private const string Long =
        "could not write partition SSP585/2087 of table hazard_results: 53100: could not extend file base/16384/24610: No space left on device (host db-primary.internal.example.com)";

    private static string Filled(string answer) =>
        answer
            .Replace("LONG", Long, StringComparison.Ordinal)
            .Replace("YEARS", string.Join(',', Enumerable.Range(2021, 80)), StringComparison.Ordinal)
            .Replace("HISTORY", History, StringComparison.Ordinal)
            .Replace("MARKET", Market, StringComparison.Ordinal);

    private static readonly (string Command, string Route, string Answer, string First)[] Lists =
    [
        (
            "climate runs",
            "GET /api/runs",
            """
            [{"runId":"hazard-1d90f5b43f80/20261126T090000000Z","instanceId":"hazard-1d90f5b43f80-of-the-yearly-timer","kind":"hazard","state":"failed","codeVersion":"0.1.0+0123456789abcdef0123456789abcdef01234567",
              "planHash":"0123456789abcdef","total":320000,"completed":319999,"failed":1,"rowsWritten":144432320000,"startedAt":"2026-11-26T09:00:00Z","finishedAt":"2026-11-26T11:12:13Z",
              "error":"LONG","parameters":{"Scenarios":["SSP126","SSP245","SSP370","SSP585"],"Years":[YEARS],"Workers":4,"PlanHash":null}}]
            """,
            "hazard-1d90f5b43f80"
        ),
        (
            "climate runs hazard-1",
            "GET /api/runs/hazard-1",
            """
            {"runs":[{"instanceId":"hazard-1","kind":"hazard","state":"failed","codeVersion":"0.1.0","total":320,"completed":319,"failed":1,"rowsWritten":1,"startedAt":"2026-11-26T09:00:00Z","error":"LONG","parameters":{"Years":[YEARS]}}],
             "gates":[{"gate":"change_against_last_run","subject":"SSP585/2087/extreme_heat_days_over_35","measured":0.123456789012345,"atLeast":null,"atMost":0.5,"passed":false,"checkedAt":"2026-11-26T09:00:00Z"}],
             "partitions":[{"key":"SSP585/2087","state":"failed","rowsWritten":451351,"fallbacks":12345678,"attempts":5,"error":"LONG","updatedAt":"2026-11-26T09:00:00Z"}]}
            """,
            "hazard-1"
        ),
        (
            "climate plan",
            "POST /api/climate/hazard",
            """
            {"hash":"0123456789abcdef","kind":"hazard","options":"scenarios SSP126, SSP245, SSP370, SSP585; years 2021 to 2100","toFill":1,"skipped":319,"lanes":4,"estimatedSeconds":12.5,"estimatedRows":451351,
             "partitions":[{"key":"SSP585/2087","isToFill":true,"reason":"failed: LONG"}]}
            """,
            "SSP585/2087"
        ),
        (
            "climate status",
            "GET /api/climate/statistics",
            """
            {"hazard":{"runId":"hazard-1d90f5b43f80/20261126T090000000Z","state":"failed","total":320,"completed":319,"failed":1,"skipped":0,"successRatePercent":99.69,"durationSeconds":179.2,"averageSpeed":1.78,"rows":144432320,
              "values":1299890880,"valuesPerSecond":7253855,"fallbacks":0,"failures":[{"key":"SSP585/2087","error":"LONG"}]},"probability":null,
             "monitoring":{"sql":"SELECT scenario, target_year, count(*)\nFROM hazard_results GROUP BY 1, 2","source":"sums kept with the partitions","rows":[{"scenario":"SSP585","targetYear":2087,"totalRecords":4062159,"avgHazardScore":31.234567890123}],"query":null}}
            """,
            "SSP585"
        ),
        (
            "instances list",
            $"GET {Instances}",
            """
            [{"name":"ProbabilityBatch","instanceId":"probability-1d90f5b43f80-started-by-the-yearly-timer-of-2026-with-a-long-id","runtimeStatus":"ContinuedAsNew","createdTime":"2026-01-02T03:04:05Z","lastUpdatedTime":"2026-01-02T03:04:06Z"}]
            """,
            "probability-1d90f5b43f80"
        ),
        (
            "instances show a-1",
            $"GET {Instances}/a-1",
            """
            {"name":"HazardBatch","instanceId":"a-1","runtimeStatus":"Completed","output":{"failures":[{"key":"SSP585/2087","error":"LONG"}]},"historyEvents":[HISTORY]}
            """,
            "WriteHazardYears"
        ),
        (
            "instances history a-1",
            $"GET {Instances}/a-1",
            """{"name":"HazardBatch","instanceId":"a-1","runtimeStatus":"Completed","historyEvents":[HISTORY]}""",
            "WriteHazardYears"
        ),
        (
            "timers list",
            "GET /admin/timers",
            """
            [{"name":"TickBenchmarkSuiteOfTheMonthOnTheFirstSunday","schedule":"0 30 2 * * 0-6","timeZone":"America/Argentina/ComodRivadavia","nextAt":"2026-12-26T10:00:00Z","lastAt":"2026-11-26T10:00:00Z","paused":false,"runningSince":"2026-11-26T10:00:00Z"}]
            """,
            "TickBenchmarkSuiteOfT"
        ),
        (
            "functions list",
            "GET /admin/functions",
            """
            [{"name":"StartClimateProbabilityBatchOfAllScenariosAtOnce","config":{"bindings":[{"type":"httpTrigger","methods":["get","post","delete"],"route":"operations/runs/{instanceId}/partitions/{partition}/cancel"}]},"invoke_url_template":"http://127.0.0.1:7071/api/operations/runs/{instanceId}/partitions/{partition}/cancel","isDisabled":false}]
            """,
            "StartClimateProbability"
        ),
        (
            "options",
            "GET /api/options",
            """
            {"benchmark/models/{model}/rollback":[{"name":"maxFallbackShare","kind":"List","about":"LONG","default":"all","least":null,"most":null,"allowed":["xgboost","lightgbm","tensorflow-mlp","tensorflow-cnn"]}]}
            """,
            "maxFallbackShare"
        ),
        (
            "leases list",
            "GET /api/operations/leases",
            """
            {"leases":[{"runId":"pothole-2026-02-12/20260212T090000000Z","state":"stopping","overdue":true,"cluster":"pothole-spark-cluster-of-seoul","deadline":"2026-02-12T10:00:00Z","closedBy":"reaper: the run is Terminated","costUsd":1234.5678,"secondsBilled":123456,
              "machines":[{"id":"i-0123456789abcdef0","state":"stopping"},{"id":"i-0123456789abcdef1","state":"stopped"},{"id":"i-0123456789abcdef2","state":"running"}]}],"before":null}
            """,
            "pothole-2026-02-12"
        ),
        (
            "pothole status --date 2026-02-12",
            "GET /api/pothole/2026-02-12",
            """
            {"date":"2026-02-12","steps":[{"step":"stage1","fingerprint":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","rows":123456789,"detail":"LONG","finishedUtc":"2026-02-12T10:00:00Z"}],
             "runs":[{"instanceId":"pothole-2026-02-12","kind":"pothole","state":"failed","codeVersion":"0.1.0","total":3,"completed":2,"failed":1,"rowsWritten":1,"startedAt":"2026-02-12T09:00:00Z","error":"LONG","parameters":{"Date":"2026-02-12"}}],
             "worst":[{"id":"863_A_0000_0123456789","road":"Olympic-daero, eastbound, between Banpo and Hannam","latitude":37.123456789,"longitude":127.123456789,"impacts":1234,"severity":0.987654321,"trips":321,"firstSeen":"2026-02-12T09:00:00Z"}]}
            """,
            "863_A_0000"
        ),
        (
            "pothole plan --date 2026-02-12",
            "POST /api/pothole",
            """
            {"date":"2026-02-12","inputPrefix":"s3://pothole-data/raw-sensor-data/dt=2026-02-12/","inputFiles":12,"inputBytes":123456789,"codeHash":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
             "machines":["i-0123456789abcdef0","i-0123456789abcdef1","i-0123456789abcdef2","i-0123456789abcdef3"],"budget":"04:00:00","steps":[{"step":"stage1","isToDo":true,"reason":"failed: LONG","fingerprint":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]}
            """,
            "stage1"
        ),
        (
            "returns status",
            "GET /api/returns",
            """
            {"served":{"version":"20251223T083000-0123456789abcdef","modelUri":"s3://returns-models/model/20251223T083000-0123456789abcdef/model.tar.gz"},"trainings":[{"runId":"returns-training/20261126T090000000Z","state":"failed","error":"LONG","startedAt":"2026-11-26T09:00:00Z"}],
             "predictions":[{"baseTs":"2025-12-23T08:30:00Z","version":"20251223T083000-0123456789abcdef","predicted":[0.0086864475,-0.0123456789,0.1,0.2],"actual":[0.0086864475,-0.0123456789,0.1,0.2],"mse":0.000123456789}],"ticks":[]}
            """,
            "returns-training"
        ),
        (
            "returns models",
            "GET /api/returns/models",
            """
            {"models":[{"version":"20251223T083000-0123456789abcdef","state":"refused","testMse":0.000123456789,"modelUri":"s3://returns-models/model/20251223T083000-0123456789abcdef/model.tar.gz","reasons":["LONG"],"judgedAt":"2026-11-26T09:00:00Z"}],"moves":[]}
            """,
            "20251223T083000"
        ),
        (
            "returns plan",
            "POST /api/returns",
            """
            {"hash":"0123456789abcdef","kind":"returns","knownRows":123456,"steps":[{"key":"training-set","isToFill":true,"reason":"LONG"}]}
            """,
            "training-set"
        ),
        (
            "spot gaps",
            "GET /api/spot/gaps",
            """{"from":"2026-11-25T10:20","to":"2026-11-26T10:10","slots":144,"present":143,"canBeFilled":1,"gaps":[{"slot":"2026-11-26T09:00","state":"failed","canBeFilled":true,"reason":"LONG"}]}""",
            "2026-11-26T09:00"
        ),
        ("spot latest", "GET /api/spot/market", """{"slot":"2026-11-26T10:10","at":null,"rows":[MARKET]}""", "123.45679"),
        ("spot history --type a --region b --zone c", "GET /api/spot/history", """{"changes":[MARKET]}""", "u7inh-32tb.480xlarge"),
        (
            "spot slot --slot 2026-11-26T10:10",
            "GET /api/spot/slots/2026-11-26T10:10",
            """
            {"slot":"2026-11-26T10:10","state":"failed","capacity":32,"asked":720,"rows":123456,"changed":12,"removed":0,"carried":3,"rejected":0,
             "runs":[{"runId":"spot-2026-11-26T1010/20261126T101000000Z","instanceId":"spot-2026-11-26T1010","kind":"spot","state":"failed","startedAt":"2026-11-26T10:10:00Z","error":"LONG","parameters":{"Slot":"2026-11-26T10:10"}}]}
            """,
            "spot-2026-11-26T1010"
        ),
        (
            "spot plan",
            "POST /api/spot",
            """{"plan":"0123456789abcdef","slot":"2026-11-26T10:10","reason":"present","options":"capacity 32","toFill":0,"lanes":4}""",
            "present"
        ),
        (
            "benchmark status",
            "GET /api/benchmark",
            """
            {"alias":"champion","models":[{"model":"tensorflow-cnn","title":"Convolutional network","data":"cifar-10-binary-50000-rows-of-32-by-32-pixels","leastAccuracy":0.6,"state":"GateFailed","reason":"accuracy 0.55 is below 0.60","accuracy":0.5512345,"trainSeconds":12345.678,"modelBytes":123456789,"version":12345}]}
            """,
            "tensorflow-cnn"
        ),
        (
            "benchmark status xgboost",
            "GET /api/benchmark/models/xgboost",
            """
            {"definition":{"name":"xgboost","title":"Gradient boosted trees"},"versions":[{"version":1,"runId":"benchmark/20261126T090000000Z","alias":"champion","createdAt":"2026-11-26T09:00:00Z"}],
             "results":[{"runId":"benchmark/20261126T090000000Z","model":"xgboost","state":"Failed","reason":"LONG","accuracy":0.9123456789,"f1":0.9,"precision":0.9,"recall":0.9,"testLoss":0.3,"trainSeconds":1.5,"curve":[1,0.5,0.25]}]}
            """,
            "benchmark/20261126"
        ),
        (
            "benchmark plan",
            "POST /api/benchmark",
            """
            {"hash":"0123456789abcdef","kind":"benchmark","toFill":1,"skipped":5,"partitions":[{"key":"tensorflow-cnn","isToFill":true,"reason":"failed: LONG"}],"models":[{"model":"tensorflow-cnn","memoryMb":4096,"cpus":2,"refusal":null}]}
            """,
            "tensorflow-cnn"
        ),
    ];

    private const string Market = """
        {"at":"2026-11-26T10:10","instanceType":"u7inh-32tb.480xlarge","region":"ap-northeast-2","zone":"apne2-az1","score":9,"t3":9,"t2":9,"interruption":2.5,"spotPrice":123.456789,"onDemandPrice":407.68,"ceased":false}
        """;

    private const string History = """
        {"EventType":"TaskCompleted","FunctionName":"WriteHazardYearsOfAllScenariosAndAllRisksAtOnce","ScheduledTime":"2026-11-26T09:00:00Z","Timestamp":"2026-11-26T09:10:00Z","Result":"[{\"Key\":\"SSP585/2087\",\"Rows\":451351,\"Values\":4062159,\"Fallbacks\":0,\"DurationMilliseconds\":123456,\"Error\":null}]"}
        """;

    /// <summary>Commands that answer with a sentence or with one result, not with a list.</summary>
    private static readonly string[] Others =
    [
        "climate run",
        "climate sample",
        "climate import",
        "pothole run",
        "pothole backfill",
        "pothole cancel",
        "benchmark run",
        "benchmark compare",
        "benchmark rollback",
        "benchmark export",
        "benchmark cancel",
        "returns train",
        "returns infer",
        "returns predict",
        "returns rollback",
        "returns cancel",
        "spot run",
        "spot workload",
        "spot backfill",
        "instances start",
        "instances wait",
        "instances terminate",
        "instances suspend",
        "instances resume",
        "instances rewind",
        "instances restart",
        "instances purge",
        "instances raise-event",
        "instances cancel",
        "timers run",
        "timers pause",
        "timers resume",
        "health",
        "completion",
        "complete",
    ];

    public static TheoryData<string, int> Looks
    {
        get
        {
            TheoryData<string, int> looks = [];
            foreach ((string command, _, _, _) in Lists)
            {
                foreach (int width in (int[])[80, 100, Screen.PipedWidth])
                    looks.Add(command, width);
            }

            return looks;
        }
    }

    [Theory, MemberData(nameof(Looks))]
    public async Task A_list_fits_the_screen(string command, int width)
    {
        (_, string route, string answer, string first) = Lists.Single(list => list.Command == command);
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(route, 200, Filled(answer));

        CliCall call = await CliCall.RunAsync([.. command.Split(' '), "--url", host.Url], width);

        Assert.True(call.ExitCode == 0, call.Error);
        Assert.Contains(first, call.Out, StringComparison.Ordinal);
        Assert.All(
            call.Out.Split('\n').Where(line => !Address().IsMatch(line)),
            line => Assert.True(line.Length <= width, $"{line.Length} of {width}: {line}")
        );
    }

    [Fact]
    public void Every_command_is_a_list_that_is_looked_at_or_is_none()
    {
        Screen screen = new(TextWriter.Null, TextWriter.Null, Interactive: false);
        string[] all = [.. Leaves(DurableCommandLine.Create(screen), "")];
        string[] lists =
        [
            .. all.Where(leaf => Lists.Any(list => list.Command == leaf || list.Command.StartsWith(leaf + " ", StringComparison.Ordinal))),
        ];

        Assert.Equal(all.Order(StringComparer.Ordinal), lists.Concat(Others).Order(StringComparer.Ordinal));

        static IEnumerable<string> Leaves(Command command, string path) =>
            command.Subcommands.Count == 0 ? [path] : command.Subcommands.SelectMany(sub => Leaves(sub, $"{path} {sub.Name}".Trim()));
    }

    /// <summary>On a terminal a table has lines around it and the words of the screen beside it.</summary>
    [Fact]
    public async Task Every_list_fits_a_terminal_of_100_columns()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        string cli = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "Durable.Cli.dll")}'";
        (string Command, string Route, string Answer, string First)[] lists = [.. Lists.DistinctBy(list => list.Route)];
        foreach ((_, string route, string answer, _) in lists)
            host.On(route, 200, Filled(answer));

        Ran ran = await Terminal.OnTerminalAsync(string.Join("; ", lists.Select(list => $"{cli} {list.Command} --url {host.Url}")), 100);

        string[] lines = [.. Escapes().Replace(ran.Output, string.Empty).Split('\n').Select(line => line.TrimEnd('\r'))];
        Assert.All(
            lines.Where(line => !line.StartsWith("Not shown", StringComparison.Ordinal) && !Address().IsMatch(line)),
            line => Assert.True(line.Length <= 100, $"{line.Length}: {line}")
        );
        Assert.All(lists, list => Assert.Contains(list.First, ran.Output, StringComparison.Ordinal));
    }

    [GeneratedRegex("\u001b(\\[[0-9;?]*[A-Za-z]|[=>])")]
    private static partial Regex Escapes();

    // An address is there to be copied: it is never cut.
    [GeneratedRegex("^ *[a-z ]+  [a-z0-9]+://[^ ]+$")]
    private static partial Regex Address();
}
