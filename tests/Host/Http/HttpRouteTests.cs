namespace Durable.Tests.Host.Http;

public sealed class HttpRouteTests : IAsyncLifetime
{
    private const string Json = "application/json; charset=utf-8",
        Plain = "text/plain; charset=utf-8";
    private TestHttpHost host = null!;

    public async Task InitializeAsync() => this.host = await TestHttpHost.StartAsync(typeof(HttpShapes));

    public async Task DisposeAsync() => await this.host.DisposeAsync();

    [Theory]
    [InlineData("route/7", """{"id":7,"tail":null}""")]
    [InlineData("route/7/tail", """{"id":7,"tail":"tail"}""")]
    [InlineData("ROUTE/7/Tail/", """{"id":7,"tail":"Tail"}""")]
    [InlineData("routeguid/0f8fad5b-d9cb-469f-a165-70867728950e", "\"0f8fad5b-d9cb-469f-a165-70867728950e\"")]
    [InlineData("rest/a/b/c?q=1", """{"rest":"a/b/c","path":"/api/rest/a/b/c","query":"?q=1"}""")]
    [InlineData("rest", """{"rest":null,"path":"/api/rest","query":""}""")]
    [InlineData("typed/2026-02-28/true/admin?factor=1.5", """{"day":"2026-02-28","on":true,"level":"Admin","factor":1.5,"size":10}""")]
    [InlineData("typed/2026-02-28/FALSE/user?size=3", """{"day":"2026-02-28","on":false,"level":"User","factor":null,"size":3}""")]
    public async Task Route_and_query_values_become_parameters(string path, string json) =>
        (await this.host.GetAsync("/api/" + path)).Is(200, json, Json);

    [Theory]
    [InlineData("GET", "/api/route/seven")]
    [InlineData("GET", "/api/route/7/tail/more")]
    [InlineData("GET", "/api/routeguid/not-a-guid")]
    [InlineData("GET", "/api/nosuch")]
    [InlineData("GET", "/objectresult")]
    [InlineData("POST", "/api/objectresult")]
    [InlineData("DELETE", "/api/objectresult")]
    [InlineData("HEAD", "/api/objectresult")]
    [InlineData("OPTIONS", "/api/objectresult")]
    [InlineData("GET", "/api/tick")]
    public async Task Unmatched_route_and_undeclared_verb_are_404_with_nothing_in_it(string verb, string path)
    {
        Answer answer = await this.host.SendAsync(verb, path);

        answer.Is(404);
        Assert.DoesNotContain("Allow", answer.Headers.Keys);
    }

    [Theory, InlineData("GET"), InlineData("POST"), InlineData("PUT"), InlineData("DELETE"), InlineData("PATCH"), InlineData("OPTIONS")]
    public async Task Trigger_without_methods_takes_every_verb(string verb) =>
        (await this.host.SendAsync(verb, "/api/anyverb")).Is(200, verb, Plain);

    [Fact]
    public async Task Two_functions_share_a_path_by_verb()
    {
        (await this.host.GetAsync("/api/same/x")).Is(200, "got x", Plain);
        (await this.host.SendAsync("POST", "/api/same/x")).Is(200, "posted x", Plain);
        (await this.host.SendAsync("PUT", "/api/same/x")).Is(404);
    }

    [Fact]
    public async Task Text_that_does_not_fit_a_parameter_is_a_500_as_on_the_real_host() =>
        (await this.host.GetAsync("/api/typed/notaday/true/admin")).Is(500);

    [Theory, InlineData("", "/route/7"), InlineData("v1/x", "/v1/x/route/7")]
    public async Task Route_prefix_may_be_empty_or_long(string prefix, string path)
    {
        await using TestHttpHost host = await TestHttpHost.StartAsync(typeof(HttpShapes), routePrefix: prefix);

        (await host.GetAsync(path)).Is(200, """{"id":7,"tail":null}""", Json);
        (await host.GetAsync("/api/route/7")).Is(404);
    }
}
