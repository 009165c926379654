using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Host.Http;

/// <summary>The worker's view of an ASP.NET Core request.</summary>
internal sealed class AspNetRequestData(HttpRequest request, FunctionContext context) : HttpRequestData(context)
{
    private HttpHeadersCollection? headers;
    private IReadOnlyCollection<IHttpCookie>? cookies;
    private Uri? url;

    public override Stream Body => request.Body;

    public override HttpHeadersCollection Headers =>
        headers ??= new HttpHeadersCollection(
            request.Headers.Select(h => KeyValuePair.Create(h.Key, h.Value.Select(v => v ?? string.Empty)))
        );

    public override IReadOnlyCollection<IHttpCookie> Cookies =>
        cookies ??= [.. request.Cookies.Select(c => new HttpCookie(c.Key, c.Value))];

    public override Uri Url => url ??= new Uri(request.GetEncodedUrl());

    public override IEnumerable<ClaimsIdentity> Identities => request.HttpContext.User.Identities;

    public override string Method => request.Method;

    public override HttpResponseData CreateResponse() => new AspNetResponseData(request.HttpContext.Response, FunctionContext);
}

/// <summary>Gives middleware an HTTP invocation's request.</summary>
internal sealed class RequestDataFeature(HttpRequest request) : IHttpRequestDataFeature
{
    private HttpRequestData? data;

    public ValueTask<HttpRequestData?> GetHttpRequestDataAsync(FunctionContext context) => new(Get(context));

    /// <summary>One object per invocation.</summary>
    public HttpRequestData Get(FunctionContext context) => data ??= new AspNetRequestData(request, context);
}
