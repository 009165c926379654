using Amazon.Runtime;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Endpoints.StandardLibrary;
using Amazon.Util;

namespace Durable.AwsServices;

/// <summary>A service's endpoint: the configured URL, or <c>https://prefix[-fips].region.suffix</c> of the region's partition.</summary>
internal sealed class ServiceEndpoints(string prefix) : IEndpointProvider
{
    public Endpoint ResolveEndpoint(EndpointParameters parameters)
    {
        if (parameters["Endpoint"] is string { Length: > 0 } url)
            return new Endpoint(url);
        string region =
            parameters["Region"] as string
            ?? throw new AmazonClientException("No region: set AWS_REGION, or a region or service URL in the client's configuration.");
        var partition = Fn.Partition(region) ?? throw new AmazonClientException($"Region {region} is in no known partition.");
        bool fips = parameters["UseFIPS"] is true,
            dualStack = parameters["UseDualStack"] is true;
        string? suffix = Fn.GetAttr(partition, dualStack ? "dualStackDnsSuffix" : "dnsSuffix") as string;
        return new Endpoint($"https://{prefix}{(fips ? "-fips" : "")}.{region}.{suffix}");
    }

    public static Endpoint Determine(ClientConfig config, ServiceOperationEndpointParameters parameters)
    {
        EndpointParameters values = new();
        values["Region"] = parameters.AlternateEndpoint?.SystemName ?? RegionOf(config);
        values["Endpoint"] = config.ServiceURL;
        values["UseFIPS"] = config.UseFIPSEndpoint;
        values["UseDualStack"] = config.UseDualstackEndpoint;
        return config.EndpointProvider.ResolveEndpoint(values);
    }

    /// <summary>The configured region; with a service URL only, the region that requests are signed for.</summary>
    internal static string? RegionOf(IClientConfig config)
    {
        if (config.RegionEndpoint is { } region)
            return region.SystemName;
        if (!string.IsNullOrEmpty(config.AuthenticationRegion))
            return config.AuthenticationRegion;
        return string.IsNullOrEmpty(config.ServiceURL) ? null : AWSSDKUtils.DetermineRegion(config.ServiceURL);
    }
}

internal sealed class ServiceEndpointResolver : BaseEndpointResolver
{
    protected override void ServiceSpecificHandler(IExecutionContext executionContext, EndpointParameters parameters) =>
        InjectHostPrefix(executionContext.RequestContext);

    protected override EndpointParameters MapEndpointsParameters(IRequestContext requestContext)
    {
        IClientConfig config = requestContext.ClientConfig;
        EndpointParameters parameters = new();
        parameters["Region"] = requestContext.Request.AlternateEndpoint?.SystemName ?? ServiceEndpoints.RegionOf(config);
        parameters["Endpoint"] = config.ServiceURL;
        parameters["UseFIPS"] = config.UseFIPSEndpoint;
        parameters["UseDualStack"] = config.UseDualstackEndpoint;
        return parameters;
    }
}
