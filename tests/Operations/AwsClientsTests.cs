using Amazon.EC2;
using Amazon.Pricing;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.SageMaker;
using Amazon.SimpleSystemsManagement;
using Amazon.TimestreamWrite;
using Durable.Operations.Aws;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Operations;

public sealed class AwsClientsTests
{
    [Fact]
    public void Clients_are_of_the_region_in_the_settings_and_of_aws_itself()
    {
        using ServiceProvider services = Services(("AWS_REGION", "eu-central-1"));

        Assert.All(
            Configs(services).Where(c => c is not AmazonPricingConfig),
            c => Assert.Equal("eu-central-1", c.RegionEndpoint.SystemName)
        );
        Assert.Equal("us-east-1", services.GetRequiredService<IAmazonPricing>().Config.RegionEndpoint.SystemName);
        Assert.False(((AmazonS3Config)services.GetRequiredService<IAmazonS3>().Config).ForcePathStyle);
    }

    [Fact]
    public void With_an_endpoint_clients_go_there_sign_for_the_region_and_name_buckets_in_the_path()
    {
        using ServiceProvider services = Services(("AWS_REGION", "eu-central-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"));

        Assert.All(Configs(services), c => Assert.Equal("http://127.0.0.1:5000", c.ServiceURL.TrimEnd('/')));
        Assert.All(Configs(services).Where(c => c is not AmazonPricingConfig), c => Assert.Equal("eu-central-1", c.AuthenticationRegion));
        Assert.True(((AmazonS3Config)services.GetRequiredService<IAmazonS3>().Config).ForcePathStyle);
    }

    private static ServiceProvider Services(params (string Name, string Value)[] settings) =>
        new ServiceCollection()
            .AddSingleton<IConfiguration>(
                new ConfigurationBuilder()
                    .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Name, (string?)s.Value)))
                    .Build()
            )
            .AddAwsClients()
            .BuildServiceProvider();

    private static IClientConfig[] Configs(ServiceProvider services) =>
        [
            services.GetRequiredService<IAmazonEC2>().Config,
            services.GetRequiredService<IAmazonSimpleSystemsManagement>().Config,
            services.GetRequiredService<IAmazonSageMaker>().Config,
            services.GetRequiredService<IAmazonPricing>().Config,
            services.GetRequiredService<IAmazonTimestreamWrite>().Config,
            services.GetRequiredService<IAmazonS3>().Config,
        ];
}
