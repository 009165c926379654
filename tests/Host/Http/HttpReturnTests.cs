namespace Durable.Tests.Host.Http;

public sealed class HttpReturnTests : IAsyncLifetime
{
    private const string Json = "application/json; charset=utf-8",
        Plain = "text/plain; charset=utf-8";
    private TestHttpHost host = null!;

    public async Task InitializeAsync() => host = await TestHttpHost.StartAsync(typeof(HttpShapes));

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Theory]
    [InlineData("GET", "objectresult", 200, """{"firstName":"Ada","age":null,"born":null}""", Json)]
    [InlineData("GET", "json", 207, """{"someName":1}""", Json)]
    [InlineData("GET", "content", 200, "a,b", "text/csv")]
    [InlineData("GET", "file", 200, "\u0001\u0002\u0003", "application/x-own")]
    [InlineData("GET", "missing/plain", 404, "", null)]
    [InlineData("GET", "missing/object", 404, """{"error":"no"}""", Json)]
    [InlineData("GET", "bad", 400, "text problem", Plain)]
    [InlineData("GET", "resultok", 200, """{"firstName":"Ada","age":36,"born":null}""", Json)]
    [InlineData("GET", "resultstatus", 418, "", null)]
    [InlineData("GET", "several", 200, "the response", Plain)]
    [InlineData("GET", "datajson", 200, """{"FirstName":"Ada","Age":null,"Born":null}""", Json)]
    [InlineData("GET", "dataownstream", 200, "own stream", null)]
    public async Task Results_write_themselves(string verb, string path, int status, string text, string? contentType) =>
        (await host.SendAsync(verb, "/api/" + path)).Is(status, text, contentType);

    [Theory, InlineData("plainstring"), InlineData("plainpoco"), InlineData("plainnull"), InlineData("plainint"), InlineData("noreturn")]
    public async Task Plain_values_are_dropped(string path) => (await host.GetAsync("/api/" + path)).Is(200);

    [Fact]
    public async Task Created_result_carries_its_location()
    {
        Answer answer = await host.SendAsync("POST", "/api/created");

        answer.Is(201, """{"id":1}""", Json);
        Assert.Equal("/api/created/1", answer.Headers["Location"]);
    }

    [Fact]
    public async Task Function_may_write_to_the_response_itself()
    {
        Answer answer = await host.GetAsync("/api/directwrite");

        answer.Is(203, "direct");
        Assert.Equal("yes", answer.Headers["X-Own"]);
    }

    [Fact]
    public async Task Response_data_sends_status_headers_and_body_and_sees_the_request_as_sent()
    {
        Answer answer = await host.SendAsync("GET", "/api/data?x=1&y=a%20b", null, null, ("X-Ask", "why"));

        answer.Is(202, "GET /api/data?x=1&y=a%20b 1 why");
        Assert.Equal("yes", answer.Headers["X-Own"]);
    }

    [Fact]
    public async Task Response_data_without_a_body_sends_its_headers_and_cookies()
    {
        Answer answer = await host.GetAsync("/api/dataempty");

        answer.Is(204);
        Assert.Equal("yes", answer.Headers["X-Own"]);
        Assert.StartsWith("visit=1", answer.Headers["Set-Cookie"], StringComparison.Ordinal);
    }

    [Theory, InlineData("crash/simple"), InlineData("crash/cancel"), InlineData("crashdata"), InlineData("crashjson")]
    public async Task Exceptions_answer_500_with_nothing_in_it(string path) => (await host.GetAsync("/api/" + path)).Is(500);

    [Fact]
    public async Task Exceptions_are_logged_with_function_and_invocation()
    {
        await host.GetAsync("/api/crash/simple");

        string line = Assert.Single(host.Log.Lines, l => l.Contains("secret detail", StringComparison.Ordinal));
        Assert.Matches("^Error: Function 'Crash' failed \\(invocation [0-9a-f-]{36}\\)", line);
    }

    [Fact]
    public async Task Json_body_fills_a_record_whatever_the_case_of_its_names() =>
        (await host.SendAsync("POST", "/api/bodypoco", """{"firstName":"Bo","AGE":2}""")).Is(
            200,
            """{"firstName":"Bo","age":2,"born":null}""",
            Json
        );

    [Fact]
    public async Task Body_may_be_bound_by_the_trigger_itself() =>
        (await host.SendAsync("POST", "/api/bodytrigger", """{"firstName":"Bo"}""")).Is(200, "Bo POST", Plain);

    [Theory, InlineData("{bad"), InlineData("")]
    public async Task Body_that_is_no_json_is_a_500_as_on_the_real_host(string body) =>
        (await host.SendAsync("POST", "/api/bodypoco", body)).Is(500);

    [Theory, InlineData("application/json"), InlineData(null), InlineData("text/plain")]
    public async Task Any_body_of_more_than_ten_megabytes_is_refused_with_the_limit_in_the_answer(string? type)
    {
        Answer answer = await SendAsync("/api/bodypoco", new string(' ', (10 << 20) + 1), type);

        Assert.Equal(413, answer.Status);
        Assert.Contains("10485760", answer.Text, StringComparison.Ordinal);
    }

    [Theory, InlineData(12 << 20, 200), InlineData((12 << 20) + 1, 413)]
    public async Task A_function_may_state_a_larger_limit_of_its_own(int bytes, int status) =>
        Assert.Equal(status, (await SendAsync("/api/bodycount", new string('x', bytes), "text/csv")).Status);

    private async Task<Answer> SendAsync(string path, string body, string? type)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new StringContent(body) };
        request.Content.Headers.ContentType = type is null ? null : new(type);
        request.Headers.ExpectContinue = true; // or a refusal would cut the sending short
        using HttpResponseMessage response = await host.Client.SendAsync(request);
        return new Answer((int)response.StatusCode, null, await response.Content.ReadAsStringAsync(), new Dictionary<string, string>());
    }
}
