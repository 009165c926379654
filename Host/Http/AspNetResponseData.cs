using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Host.Http;

/// <summary>Writes through to the ASP.NET Core response: status and headers can be set until the first byte of the body.</summary>
internal sealed class AspNetResponseData : HttpResponseData
{
    private readonly HttpResponse response;
    private Stream? own;

    public AspNetResponseData(HttpResponse response, FunctionContext context)
        : base(context)
    {
        this.response = response;
        Cookies = new ResponseCookies(response);
        response.OnStarting(CopyHeadersAsync);
    }

    public override HttpStatusCode StatusCode
    {
        get => (HttpStatusCode)this.response.StatusCode;
        set => this.response.StatusCode = (int)value;
    }

    public override HttpHeadersCollection Headers { get; set; } = [];

    /// <summary>The response's own stream, or the stream the function replaced it with, which is sent when the function returns.</summary>
    public override Stream Body
    {
        get => this.own ?? this.response.Body;
        set => this.own = value;
    }

    public override HttpCookies Cookies { get; }

    /// <summary>Sends a body from the function's own stream.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        if (this.own is null)
            return;
        if (this.own.CanSeek)
            this.own.Position = 0;
        await this.own.CopyToAsync(this.response.Body, cancellation);
    }

    private Task CopyHeadersAsync()
    {
        foreach ((string name, IEnumerable<string> values) in Headers)
            this.response.Headers[name] = values.ToArray();
        return Task.CompletedTask;
    }

    private sealed class ResponseCookies(HttpResponse response) : HttpCookies
    {
        public override void Append(string name, string value) => response.Cookies.Append(name, value);

        public override void Append(IHttpCookie cookie) =>
            response.Cookies.Append(
                cookie.Name,
                cookie.Value,
                new CookieOptions
                {
                    Domain = cookie.Domain,
                    Expires = cookie.Expires,
                    HttpOnly = cookie.HttpOnly ?? false,
                    MaxAge = cookie.MaxAge is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                    Path = cookie.Path ?? "/",
                    SameSite = cookie.SameSite switch
                    {
                        SameSite.Lax => SameSiteMode.Lax,
                        SameSite.Strict => SameSiteMode.Strict,
                        SameSite.ExplicitNone => SameSiteMode.None,
                        _ => SameSiteMode.Unspecified,
                    },
                    Secure = cookie.Secure ?? false,
                }
            );

        public override IHttpCookie CreateNew() => new HttpCookie(string.Empty, string.Empty);
    }
}
