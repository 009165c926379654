using Amazon;
using Amazon.EC2;
using Amazon.Pricing;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.S3;
using Amazon.SageMaker;
using Amazon.SimpleSystemsManagement;
using Amazon.TimestreamWrite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Durable.Operations.Aws;

/// <summary>AWS clients for all pipelines, one of each per process. Credentials, retries and clock skew are the SDK's own.</summary>
public static class AwsClients
{
    // Only three regions serve the price list, for all regions; this is one of them.
    private const string PriceListRegion = "us-east-1";

    /// <summary>Registers the clients. Settings: <c>AWS_REGION</c> (default ap-northeast-2), <c>AWS_ENDPOINT_URL</c> (default: AWS itself).
    /// Nothing is called and no credentials are looked up before the first request.</summary>
    public static IServiceCollection AddAwsClients(this IServiceCollection services)
    {
        services.TryAddSingleton<IAmazonEC2>(provider =>
        {
            AmazonEC2Config config = Configure(new AmazonEC2Config(), provider);
            return new AmazonEC2Client(new DefaultCredentials(config), config);
        });
        services.TryAddSingleton<IAmazonSimpleSystemsManagement>(provider => new AmazonSimpleSystemsManagementClient(
            Configure(new AmazonSimpleSystemsManagementConfig(), provider)
        ));
        services.TryAddSingleton<IAmazonSageMaker>(provider => new AmazonSageMakerClient(Configure(new AmazonSageMakerConfig(), provider)));
        services.TryAddSingleton<IAmazonPricing>(provider => new AmazonPricingClient(
            Configure(new AmazonPricingConfig(), provider, PriceListRegion)
        ));
        services.TryAddSingleton<IAmazonTimestreamWrite>(provider => new AmazonTimestreamWriteClient(
            Configure(new AmazonTimestreamWriteConfig(), provider)
        ));
        services.TryAddSingleton<IAmazonS3>(provider =>
        {
            AmazonS3Config config = Configure(new AmazonS3Config(), provider);

            // An endpoint other than AWS rarely answers for bucket.host names.
            config.ForcePathStyle = config.ServiceURL is not null;
            return new AmazonS3Client(config);
        });
        return services;
    }

    private static T Configure<T>(T config, IServiceProvider provider, string? only = null)
        where T : ClientConfig
    {
        IConfiguration settings = provider.GetRequiredService<IConfiguration>();
        string region = only ?? (settings["AWS_REGION"] is { Length: > 0 } set ? set : "ap-northeast-2");
        if (settings["AWS_ENDPOINT_URL"] is { Length: > 0 } url)
        {
            // With a custom URL the region is not in the host name, but requests are still signed for it.
            config.ServiceURL = url;
            config.AuthenticationRegion = region;
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }

        return config;
    }

    /// <summary>The SDK's credential chain, resolved at the first request. EC2's client would resolve it in its constructor and throw
    /// without credentials.</summary>
    private sealed class DefaultCredentials(ClientConfig config) : AWSCredentials
    {
        public override ImmutableCredentials GetCredentials() =>
            DefaultAWSCredentialsIdentityResolver.GetCredentials(config).GetCredentials();

        public override Task<ImmutableCredentials> GetCredentialsAsync() =>
            DefaultAWSCredentialsIdentityResolver.GetCredentials(config).GetCredentialsAsync();
    }
}
