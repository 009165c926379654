using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Util.Internal;

namespace Durable.AwsServices;

/// <summary>The defaults modes of the AWS SDKs: a client's behaviour without configuration (AWS_DEFAULTS_MODE chooses).</summary>
internal static class ServiceDefaults
{
    // Timeouts of each mode: the SDK reference guide, "Smart configuration defaults".
    public static DefaultConfigurationProvider Provider { get; } =
        new([
            Mode(DefaultConfigurationMode.Standard, 3_100),
            Mode(DefaultConfigurationMode.InRegion, 1_100),
            Mode(DefaultConfigurationMode.CrossRegion, 3_100),
            Mode(DefaultConfigurationMode.Mobile, 30_000),
            Mode(DefaultConfigurationMode.Auto, 1_100),
        ]);

    public static string UserAgent(string serviceId) => InternalSDKUtils.BuildUserAgentString(serviceId, "4.0");

    private static DefaultConfiguration Mode(DefaultConfigurationMode name, int milliseconds) =>
        new()
        {
            Name = name,
            RetryMode = RequestRetryMode.Standard,
            S3UsEast1RegionalEndpoint = S3UsEast1RegionalEndpointValue.Regional,
            ConnectTimeout = TimeSpan.FromMilliseconds(milliseconds),
            TlsNegotiationTimeout = TimeSpan.FromMilliseconds(milliseconds),
        };
}
