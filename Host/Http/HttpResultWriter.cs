using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Host.Http;

/// <summary>Writes an HTTP function's result to the response.</summary>
internal static class HttpResultWriter
{
    /// <summary>MVC results, minimal-API results and <see cref="HttpResponseData"/> write themselves. Any other value, even a string or
    /// number, is dropped, as in the official ASP.NET Core integration: 200 with no body, unless the function wrote to the
    /// response.</summary>
    public static Task WriteAsync(HttpContext http, object? result) =>
        result switch
        {
            IActionResult action => action.ExecuteResultAsync(new ActionContext(http, http.GetRouteData(), new ActionDescriptor())),
            IResult minimal => minimal.ExecuteAsync(http),
            AspNetResponseData own => own.FinishAsync(http.RequestAborted),
            HttpResponseData foreign => CopyAsync(http, foreign),
            _ => Task.CompletedTask,
        };

    private static async Task CopyAsync(HttpContext http, HttpResponseData data)
    {
        http.Response.StatusCode = (int)data.StatusCode;
        foreach ((string name, IEnumerable<string> values) in data.Headers)
            http.Response.Headers[name] = values.ToArray();
        if (data.Body.CanSeek)
            data.Body.Position = 0;
        await data.Body.CopyToAsync(http.Response.Body, http.RequestAborted);
    }
}
