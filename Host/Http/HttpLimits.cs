using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace Durable.Host.Http;

/// <summary>How much a request may send. Above it, reading the body throws a <see cref="BadHttpRequestException"/> with status
/// 413.</summary>
internal static class HttpLimits
{
    /// <summary>A body of any type: 10 MB. It is held in memory and usually ends up in a run's history. A function that streams its body
    /// sets its own limit: <c>[RequestSizeLimit(bytes)]</c>.</summary>
    public const long BodyBytes = 10L << 20;

    /// <summary>Sets the limit of this request. Call before the body is read.</summary>
    /// <param name="http">The request.</param>
    /// <param name="stated">The function's own limit; null for the default.</param>
    public static void Apply(HttpContext http, long? stated = null)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = stated ?? BodyBytes;
    }

    /// <summary>A function's own limit; null when it has none.</summary>
    public static long? Stated(MethodInfo function) =>
        function.GetCustomAttributes(inherit: true).OfType<IRequestSizeLimitMetadata>().FirstOrDefault()?.MaxRequestBodySize;

    /// <summary>Answers a request refused during reading: its status (413, 400) and the reason as text.</summary>
    public static async Task AnswerAsync(HttpContext http, BadHttpRequestException refused)
    {
        http.Response.Clear();
        http.Response.StatusCode = refused.StatusCode;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(refused.Message, http.RequestAborted);
    }
}
