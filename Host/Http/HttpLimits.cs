using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Durable.Host.Http;

/// <summary>How much a request may send. Beyond it the reader of the body gets a <see cref="BadHttpRequestException"/> with status 413.</summary>
internal static class HttpLimits
{
    /// <summary>Any body: 100 MB, as the Functions host.</summary>
    public const long BodyBytes = 100L << 20;

    /// <summary>A JSON body, which is held in memory and mostly ends up in a run's history: 10 MB.</summary>
    public const long JsonBytes = 10L << 20;

    /// <summary>Lowers the limit of this request when it carries JSON. Call before the body is read.</summary>
    public static void Apply(HttpContext http)
    {
        if (http.Request.HasJsonContentType() && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = JsonBytes;
    }

    /// <summary>Answers a request that was refused while it was read: its status (413, 400) and the reason as text.</summary>
    public static async Task AnswerAsync(HttpContext http, BadHttpRequestException refused)
    {
        http.Response.Clear();
        http.Response.StatusCode = refused.StatusCode;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(refused.Message, http.RequestAborted);
    }
}
