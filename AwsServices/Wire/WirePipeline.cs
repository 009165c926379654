using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Credentials.Internal;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;

namespace Durable.AwsServices.Wire;

/// <summary>What a service adds to the SDK's pipeline: where it is and how it is signed.</summary>
internal static class WirePipeline
{
    /// <summary>Puts the endpoint and the signature (always v4) where the official clients have theirs.</summary>
    public static void Customize(RuntimePipeline pipeline)
    {
        pipeline.RemoveHandler<EndpointResolver>();
        pipeline.AddHandlerAfter<Marshaller>(new WireEndpointResolver());
        pipeline.AddHandlerAfter<RetryHandler>(new WireAuthResolver());
    }
}

/// <summary>Name of a service for the SDK.</summary>
internal sealed class WireMetadata(string serviceId) : IServiceMetadata
{
    /// <inheritdoc />
    public string ServiceId { get; } = serviceId;

    /// <inheritdoc />
    public IDictionary<string, string> OperationNameMapping { get; } = new Dictionary<string, string>();
}

/// <summary>Where a service is: its configured URL, or <c>https://prefix.region.suffix</c> with the FIPS and dual-stack forms.</summary>
internal sealed class WireEndpoints(string prefix) : IEndpointProvider
{
    /// <inheritdoc />
    public Endpoint ResolveEndpoint(EndpointParameters parameters)
    {
        if (parameters["Endpoint"] is string url)
        {
            return new Endpoint(url);
        }

        string name = parameters["Region"] as string
            ?? throw new AmazonClientException("No region is set for this AWS client. Set AWS_REGION, or RegionEndpoint or ServiceURL in its configuration.");
        string suffix = RegionEndpoint.GetBySystemName(name).PartitionDnsSuffix;
        string host = true.Equals(parameters["UseFIPS"]) ? prefix + "-fips" : prefix;
        return new Endpoint(true.Equals(parameters["UseDualStack"])
            ? $"https://{host}.{name}.{(suffix == "amazonaws.com" ? "api.aws" : suffix == "amazonaws.com.cn" ? "api.amazonwebservices.com.cn" : suffix)}"
            : $"https://{host}.{name}.{suffix}");
    }

    /// <summary>The endpoint of a client with this configuration.</summary>
    public static Endpoint Resolve(IClientConfig config, RegionEndpoint? alternate) => config.EndpointProvider.ResolveEndpoint(Parameters(config, alternate));

    /// <summary>What decides about the endpoint.</summary>
    public static EndpointParameters Parameters(IClientConfig config, RegionEndpoint? alternate)
    {
        EndpointParameters parameters = new();
        parameters["UseFIPS"] = config.UseFIPSEndpoint;
        parameters["UseDualStack"] = config.UseDualstackEndpoint;
        if (alternate is not null)
        {
            parameters["Region"] = alternate.SystemName;
        }
        else if (!string.IsNullOrEmpty(config.ServiceURL))
        {
            parameters["Endpoint"] = config.ServiceURL;
        }
        else
        {
            parameters["Region"] = config.RegionEndpoint?.SystemName;
        }

        return parameters;
    }
}

/// <summary>Sets the endpoint of each request.</summary>
internal sealed class WireEndpointResolver : BaseEndpointResolver
{
    /// <inheritdoc />
    protected override EndpointParameters MapEndpointsParameters(IRequestContext requestContext) =>
        WireEndpoints.Parameters(requestContext.ClientConfig, requestContext.Request.AlternateEndpoint);
}

/// <summary>Signs everything with Signature Version 4.</summary>
internal sealed class WireAuthResolver : BaseAuthResolverHandler
{
    /// <inheritdoc />
    protected override List<IAuthSchemeOption> ResolveAuthOptions(IExecutionContext executionContext) => AuthSchemeOption.DEFAULT_SIGV4;
}

/// <summary>The SDK's configuration modes with its published values.</summary>
internal static class WireDefaults
{
    /// <summary>One for each mode a client may be set to.</summary>
    public static IEnumerable<IDefaultConfiguration> All { get; } =
    [
        Of(DefaultConfigurationMode.Standard, 3100, 3100),
        Of(DefaultConfigurationMode.InRegion, 1100, 1100),
        Of(DefaultConfigurationMode.CrossRegion, 3100, 3100),
        Of(DefaultConfigurationMode.Mobile, 30000, 30000),
        Of(DefaultConfigurationMode.Auto, 1100, 1100),
    ];

    private static DefaultConfiguration Of(DefaultConfigurationMode mode, int connectMilliseconds, int tlsMilliseconds) => new()
    {
        Name = mode,
        RetryMode = RequestRetryMode.Standard,
        S3UsEast1RegionalEndpoint = S3UsEast1RegionalEndpointValue.Regional,
        ConnectTimeout = TimeSpan.FromMilliseconds(connectMilliseconds),
        TlsNegotiationTimeout = TimeSpan.FromMilliseconds(tlsMilliseconds),
    };
}
