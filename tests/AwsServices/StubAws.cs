using System.Net;
using System.Text;
using Amazon.Runtime;

namespace Durable.Tests.AwsServices;

/// <summary>What left a client: method, address, headers (small letters, host included) and body.</summary>
internal sealed record SentRequest(string Method, Uri Address, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>An answer to it.</summary>
internal sealed record StubAnswer(int Status, string Body, string ContentType = "text/xml", DateTimeOffset? Date = null);

/// <summary>An in-process HTTP server for a client: records requests, returns prepared answers.</summary>
internal sealed class StubAws(Func<SentRequest, StubAnswer> answer) : HttpClientFactory
{
    public static readonly BasicAWSCredentials Credentials = new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

    /// <summary>Answers in order; the last one repeats.</summary>
    public StubAws(params StubAnswer[] answers)
        : this(Queue(answers)) { }

    public List<SentRequest> Sent { get; } = [];

    /// <summary>A configuration whose clients talk only to this server.</summary>
    public T Configure<T>(T config, string? url = "http://aws.test:8080/", string region = "eu-central-1")
        where T : ClientConfig
    {
        config.HttpClientFactory = this;
        if (url is null)
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(region);
        else
            (config.ServiceURL, config.AuthenticationRegion) = (url, region);
        return config;
    }

    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => new(new Handler(this));

    private static Func<SentRequest, StubAnswer> Queue(StubAnswer[] answers)
    {
        int next = 0;
        return _ => answers[Math.Min(next++, answers.Length - 1)];
    }

    private HttpResponseMessage Answer(HttpRequestMessage request, string body)
    {
        var headers = request
            .Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .ToDictionary(h => h.Key.ToLowerInvariant(), h => string.Join(",", h.Value));
        headers["host"] = request.Headers.Host ?? request.RequestUri!.Authority;
        SentRequest sent = new(request.Method.Method, request.RequestUri!, headers, body);
        lock (Sent)
            Sent.Add(sent);
        StubAnswer given = answer(sent);
        HttpResponseMessage response = new((HttpStatusCode)given.Status)
        {
            Content = new StringContent(given.Body, Encoding.UTF8, given.ContentType),
            RequestMessage = request,
        };
        response.Headers.Date = given.Date;
        response.Headers.Add("x-amzn-RequestId", "r-1");
        return response;
    }

    private sealed class Handler(StubAws aws) : HttpMessageHandler
    {
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using StreamReader? reader = request.Content is null ? null : new StreamReader(request.Content.ReadAsStream(cancellationToken));
            return aws.Answer(request, reader?.ReadToEnd() ?? "");
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            aws.Answer(request, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken));
    }
}
