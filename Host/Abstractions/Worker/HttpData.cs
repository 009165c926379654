using System.Collections.Specialized;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Web;

namespace Microsoft.Azure.Functions.Worker.Http;

/// <summary>An HTTP request as the worker gives it.</summary>
public abstract class HttpRequestData
{
    private NameValueCollection? _query;

    /// <summary>A request of that invocation.</summary>
    public HttpRequestData(FunctionContext functionContext) => FunctionContext = functionContext;

    /// <summary>Body, readable once.</summary>
    public abstract Stream Body { get; }

    /// <summary>Headers.</summary>
    public abstract HttpHeadersCollection Headers { get; }

    /// <summary>Cookies.</summary>
    public abstract IReadOnlyCollection<IHttpCookie> Cookies { get; }

    /// <summary>Whole URL as sent.</summary>
    public abstract Uri Url { get; }

    /// <summary>Who asks.</summary>
    public abstract IEnumerable<ClaimsIdentity> Identities { get; }

    /// <summary>Verb.</summary>
    public abstract string Method { get; }

    /// <summary>The invocation.</summary>
    public FunctionContext FunctionContext { get; }

    /// <summary>Query parameters, decoded; a missing one is null.</summary>
    public virtual NameValueCollection Query => _query ??= HttpUtility.ParseQueryString(Url.Query);

    /// <summary>A response to this request; status 200.</summary>
    public abstract HttpResponseData CreateResponse();
}

/// <summary>An HTTP response as the worker takes it.</summary>
public abstract class HttpResponseData
{
    /// <summary>A response of that invocation.</summary>
    public HttpResponseData(FunctionContext functionContext) => FunctionContext = functionContext;

    /// <summary>Status; set it before the body is written.</summary>
    public abstract HttpStatusCode StatusCode { get; set; }

    /// <summary>Headers; set them before the body is written.</summary>
    public abstract HttpHeadersCollection Headers { get; set; }

    /// <summary>Body.</summary>
    public abstract Stream Body { get; set; }

    /// <summary>Cookies to set.</summary>
    public abstract HttpCookies Cookies { get; }

    /// <summary>The invocation.</summary>
    public FunctionContext FunctionContext { get; }

    /// <summary>A response to <paramref name="request"/>; status 200.</summary>
    public static HttpResponseData CreateResponse(HttpRequestData request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.CreateResponse();
    }
}

/// <summary>Headers, unchecked.</summary>
public class HttpHeadersCollection : HttpHeaders
{
    /// <summary>No headers.</summary>
    public HttpHeadersCollection()
    {
    }

    /// <summary>Headers of several values each.</summary>
    public HttpHeadersCollection(IEnumerable<KeyValuePair<string, IEnumerable<string>>> headers)
    {
        foreach ((string name, IEnumerable<string> values) in headers)
            TryAddWithoutValidation(name, values);
    }

    /// <summary>Headers of one value each.</summary>
    public HttpHeadersCollection(IEnumerable<KeyValuePair<string, string>> headers)
    {
        foreach ((string name, string value) in headers)
            TryAddWithoutValidation(name, value);
    }
}

/// <summary>SameSite of a cookie.</summary>
public enum SameSite
{
    /// <summary>Not sent.</summary>
    None = 0,

    /// <summary>Lax.</summary>
    Lax = 1,

    /// <summary>Strict.</summary>
    Strict = 2,

    /// <summary><c>SameSite=None</c> in words.</summary>
    ExplicitNone = 3,
}

/// <summary>A cookie.</summary>
public interface IHttpCookie
{
    /// <summary>Domain.</summary>
    string? Domain { get; }

    /// <summary>Expiry.</summary>
    DateTimeOffset? Expires { get; }

    /// <summary>Hidden from scripts.</summary>
    bool? HttpOnly { get; }

    /// <summary>Life in seconds.</summary>
    double? MaxAge { get; }

    /// <summary>Name.</summary>
    string Name { get; }

    /// <summary>Path.</summary>
    string? Path { get; }

    /// <summary>SameSite.</summary>
    SameSite SameSite { get; }

    /// <summary>Over HTTPS only.</summary>
    bool? Secure { get; }

    /// <summary>Value.</summary>
    string Value { get; }
}

/// <inheritdoc cref="IHttpCookie"/>
public sealed class HttpCookie(string name, string value) : IHttpCookie
{
    /// <inheritdoc/>
    public string? Domain { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? Expires { get; set; }

    /// <inheritdoc/>
    public bool? HttpOnly { get; set; }

    /// <inheritdoc/>
    public double? MaxAge { get; set; }

    /// <inheritdoc/>
    public string Name { get; set; } = name;

    /// <inheritdoc/>
    public string? Path { get; set; }

    /// <inheritdoc/>
    public SameSite SameSite { get; set; }

    /// <inheritdoc/>
    public bool? Secure { get; set; }

    /// <inheritdoc/>
    public string Value { get; set; } = value;
}

/// <summary>Cookies of a response.</summary>
public abstract class HttpCookies
{
    /// <summary>Sets a cookie for the session.</summary>
    public abstract void Append(string name, string value);

    /// <summary>Sets a cookie.</summary>
    public abstract void Append(IHttpCookie cookie);

    /// <summary>An empty cookie to fill.</summary>
    public abstract IHttpCookie CreateNew();
}

/// <summary>Gives middleware the request of an HTTP invocation.</summary>
public interface IHttpRequestDataFeature
{
    /// <summary>The request, or null when the function has no HTTP trigger.</summary>
    ValueTask<HttpRequestData?> GetHttpRequestDataAsync(FunctionContext context);
}
