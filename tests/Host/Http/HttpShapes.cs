using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using FromBodyAttribute = Microsoft.Azure.Functions.Worker.Http.FromBodyAttribute;

namespace Durable.Tests.Host.Http;

public sealed record Visitor(string FirstName, int? Age, DateTime? Born = null);

/// <summary>Every shape an HTTP function may have.</summary>
public sealed class HttpShapes
{
    [Function("ObjectResult")]
    public IActionResult Ok([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) =>
        new OkObjectResult(new Visitor("Ada", null));

    [Function("Created")]
    public IActionResult Created([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "created")] HttpRequest req) =>
        new CreatedResult("/api/created/1", new { id = 1 });

    [Function("Json")]
    public IActionResult Json([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) =>
        new JsonResult(new { SomeName = 1 }) { StatusCode = 207 };

    [Function("Content")]
    public IActionResult Content([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) =>
        new ContentResult { Content = "a,b", ContentType = "text/csv" };

    [Function("File")]
    public IActionResult File([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) =>
        new FileContentResult([1, 2, 3], "application/x-own");

    [Function("NotFound")]
    public IActionResult NotFound(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "missing/{how}")] HttpRequest req,
        string how
    ) => how == "object" ? new NotFoundObjectResult(new { error = "no" }) : new NotFoundResult();

    [Function("Bad")]
    public async Task<IActionResult> Bad([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req)
    {
        await Task.Yield();
        return new BadRequestObjectResult("text problem");
    }

    [Function("PlainString")]
    public string PlainString([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => "just text";

    [Function("PlainPoco")]
    public Visitor PlainPoco([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => new("Ada", 36);

    [Function("PlainNull")]
    public string? PlainNull([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => null;

    [Function("PlainInt")]
    public ValueTask<int> PlainInt([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => new(7);

    [Function("NoReturn")]
    public Task NoReturn([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => Task.CompletedTask;

    [Function("ResultOk")]
    public IResult ResultOk([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => Results.Ok(new Visitor("Ada", 36));

    [Function("ResultStatus")]
    public IResult ResultStatus([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => Results.StatusCode(418);

    [Function("DirectWrite")]
    public async Task DirectWrite([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req)
    {
        req.HttpContext.Response.StatusCode = 203;
        req.HttpContext.Response.Headers["X-Own"] = "yes";
        await req.HttpContext.Response.WriteAsync("direct");
    }

    [Function("Several")]
    public SeveralOutputs Several([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) =>
        new(new OkObjectResult("the response"), "another output");

    [Function("Data")]
    public async Task<HttpResponseData> Data([HttpTrigger(AuthorizationLevel.Anonymous, "get", "put", Route = "data")] HttpRequestData req)
    {
        HttpResponseData response = req.CreateResponse(HttpStatusCode.Accepted);
        response.Headers.Add("X-Own", "yes");
        await response.WriteStringAsync(
            $"{req.Method} {req.Url.PathAndQuery} {req.Query["x"]} {string.Join(",", req.Headers.GetValues("X-Ask"))}"
        );
        return response;
    }

    [Function("DataJson")]
    public async Task<HttpResponseData> DataJson([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequestData req)
    {
        HttpResponseData response = req.CreateResponse();
        await response.WriteAsJsonAsync(new Visitor("Ada", null));
        return response;
    }

    [Function("DataEmpty")]
    public HttpResponseData DataEmpty([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequestData req)
    {
        HttpResponseData response = req.CreateResponse(HttpStatusCode.NoContent);
        response.Headers.Add("X-Own", "yes");
        response.Cookies.Append("visit", "1");
        return response;
    }

    [Function("DataOwnStream")]
    public HttpResponseData DataOwnStream([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequestData req)
    {
        HttpResponseData response = req.CreateResponse(HttpStatusCode.OK);
        response.Body = new MemoryStream("own stream"u8.ToArray());
        return response;
    }

    [Function("Crash")]
    public IActionResult Crash([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "crash/{kind}")] HttpRequest req, string kind) =>
        throw (kind == "cancel" ? new OperationCanceledException("by hand") : new InvalidOperationException("secret detail"));

    [Function("CrashData")]
    public HttpResponseData CrashData([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequestData req) =>
        throw new InvalidOperationException("crash in data");

    [Function("CrashJson")]
    public IActionResult CrashJson([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => new OkObjectResult(new Faulty());

    [Function("RouteInt")]
    public IActionResult RouteInt(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "route/{id:int}/{tail?}")] HttpRequest req,
        int id,
        string? tail
    ) => new OkObjectResult(new { id, tail });

    [Function("RouteGuid")]
    public IActionResult RouteGuid(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "routeguid/{id:guid}")] HttpRequest req,
        Guid id
    ) => new OkObjectResult(id);

    [Function("RouteRest")]
    public IActionResult RouteRest(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "rest/{*rest}")] HttpRequest req,
        string? rest
    ) =>
        new OkObjectResult(
            new
            {
                rest,
                path = req.Path.Value,
                query = req.QueryString.Value,
            }
        );

    [Function("Typed")]
    public IActionResult Typed(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "typed/{day}/{on}/{level}")] HttpRequest req,
        DateOnly day,
        bool on,
        AuthorizationLevel level,
        double? factor,
        int size = 10
    ) =>
        new OkObjectResult(
            new
            {
                day,
                on,
                level = level.ToString(),
                factor,
                size,
            }
        );

    [Function("SamePathGet")]
    public IActionResult SamePathGet([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "same/{id}")] HttpRequest req, string id) =>
        new OkObjectResult("got " + id);

    [Function("SamePathPost")]
    public IActionResult SamePathPost(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "same/{name}")] HttpRequest req,
        string name
    ) => new OkObjectResult("posted " + name);

    [Function("AnyVerb")]
    public IActionResult AnyVerb([HttpTrigger(AuthorizationLevel.Anonymous, Route = "anyverb")] HttpRequest req) =>
        new OkObjectResult(req.Method);

    [Function("BodyPoco")]
    public IActionResult BodyPoco(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "bodypoco")] HttpRequest req,
        [FromBody] Visitor body
    ) => new OkObjectResult(body);

    [Function("BodyTrigger")]
    public IActionResult BodyTrigger(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "bodytrigger")] Visitor body,
        FunctionContext context
    ) => new OkObjectResult(body.FirstName + " " + context.GetHttpContext()!.Request.Method);

    [Function("BodyCount"), RequestSizeLimit(12 << 20)]
    public async Task<IActionResult> BodyCount([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "bodycount")] HttpRequest req)
    {
        using StreamReader reader = new(req.Body);
        return new OkObjectResult((await reader.ReadToEndAsync()).Length);
    }

    [Function("LevelAnonymous")]
    public IActionResult LevelAnonymous([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "level/anonymous")] HttpRequest req) =>
        new OkObjectResult("anonymous");

    [Function("LevelFunction")]
    public IActionResult LevelFunction([HttpTrigger(AuthorizationLevel.Function, "get", Route = "level/function")] HttpRequest req) =>
        new OkObjectResult("function");

    [Function("LevelAdmin")]
    public IActionResult LevelAdmin([HttpTrigger(AuthorizationLevel.Admin, "get", Route = "level/admin")] HttpRequest req) =>
        new OkObjectResult("admin");

    [Function("Tick")]
    public static void Tick([TimerTrigger("0 0 3 1 1 *")] TimerInfo timer, FunctionContext context) =>
        Ticks.Writer.TryWrite(
            $"{timer.IsPastDue} {timer.ScheduleStatus is not null} {string.Join(",", context.FunctionDefinition.InputBindings.Keys)}"
        );

    [Function("Note")]
    public static void Note([ActivityTrigger] string text, string instanceId) => Ticks.Writer.TryWrite($"{text} {instanceId.Length}");

    public static System.Threading.Channels.Channel<string> Ticks { get; } = System.Threading.Channels.Channel.CreateUnbounded<string>();

    public sealed record SeveralOutputs([property: HttpResult] IActionResult Response, string Other);

    public sealed class Faulty
    {
        public int First => 1;

        public int Second => throw new InvalidOperationException("while writing");
    }
}
