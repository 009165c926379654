namespace Durable.Tests.Cli;

public sealed class TimerCommandTests
{
    private const string Tick =
        """{"name":"Tick","isDisabled":false,"invoke_url_template":null,"config":{"bindings":[{"name":"timer","type":"timerTrigger","schedule":"0 */10 * * * *"}]}}""";
    private const string Start = """
        {"name":"StartWash","isDisabled":false,"invoke_url_template":"http://127.0.0.1:7071/api/wash/{id}","config":{"bindings":[{"type":"httpTrigger","methods":["post"],"route":"wash/{id}"}]}}
        """;

    [Fact]
    public async Task Timers_are_listed_with_their_next_occurrence_and_state()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "GET /admin/timers",
            200,
            """
            [{"name":"Tick","schedule":"0 */10 * * * *","timeZone":"Asia/Seoul","lastAt":"2026-11-26T11:50:00Z","nextAt":"2026-11-26T12:10:00Z","runningSince":null,"paused":true}]
            """
        );

        CliCall call = await CliCall.RunAsync(host, "timers", "list");

        Assert.Equal(
            "timer  schedule        zone        next      last      state\nTick   0 */10 * * * *  Asia/Seoul  12:10:00  11:50:00  paused\n",
            call.Out
        );
    }

    [Fact]
    public async Task A_timer_is_paused_resumed_and_called()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /admin/timers/Tick/pause", 204, string.Empty)
            .On("POST /admin/timers/Tick/resume", 204, string.Empty)
            .On("GET /admin/functions/tick", 200, Tick)
            .On("POST /admin/functions/Tick", 202, string.Empty);

        CliCall pause = await CliCall.RunAsync(host, "timers", "pause", "Tick");
        CliCall resume = await CliCall.RunAsync(host, "timers", "resume", "Tick");
        CliCall run = await CliCall.RunAsync(host, "timers", "run", "tick");

        Assert.Equal("Tick is paused: its occurrences pass without a call.", pause.Out.Trim());
        Assert.Equal("Tick fires again.", resume.Out.Trim());
        Assert.StartsWith("Tick was called.", run.Out, StringComparison.Ordinal);
        Assert.Equal("{}", host.Requests.Last().Body);
    }

    [Fact]
    public async Task What_is_no_timer_is_not_called()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /admin/functions/StartWash", 200, Start);

        CliCall other = await CliCall.RunAsync(host, "timers", "run", "StartWash");
        CliCall unknown = await CliCall.RunAsync(host, "timers", "pause", "Tock");

        Assert.Equal((1, "StartWash is not a timer function: its trigger is http."), (other.ExitCode, other.Error.Trim()));
        Assert.StartsWith("No function is called 'Tock'.", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Functions_are_listed_with_what_starts_them()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /admin/functions", 200, $"[{Tick},{Start}]");

        CliCall call = await CliCall.RunAsync(host, "functions", "list");

        Assert.Equal("function   kind   started by\nStartWash  http   POST /api/wash/{id}\nTick       timer  0 */10 * * * *\n", call.Out);
    }
}
