using Amazon;
using Amazon.Runtime;
using Amazon.SecurityToken;
using Amazon.SecurityToken.Model;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Credentials of a role that the app's own account may assume, renewed before they end.</summary>
/// <param name="endpoint">STS endpoint; null: AWS.</param>
internal sealed class RoleCredentials(string roleArn, (string Url, string Region)? endpoint) : RefreshingAWSCredentials
{
    private const int Seconds = 3600;

    protected override CredentialsRefreshState GenerateNewCredentials() => GenerateNewCredentialsAsync().GetAwaiter().GetResult();

    protected override async Task<CredentialsRefreshState> GenerateNewCredentialsAsync()
    {
        AmazonSecurityTokenServiceConfig config = new();
        if (endpoint is { } other)
            (config.ServiceURL, config.AuthenticationRegion) = other;
        else
            config.RegionEndpoint = RegionEndpoint.USEast1;
        using AmazonSecurityTokenServiceClient sts = new(config);
        AssumeRoleResponse answer = await sts.AssumeRoleAsync(
            new AssumeRoleRequest
            {
                RoleArn = roleArn,
                RoleSessionName = "durable-spot",
                DurationSeconds = Seconds,
            }
        );
        return new CredentialsRefreshState(
            answer.Credentials.GetCredentials(),
            answer.Credentials.Expiration ?? DateTime.UtcNow.AddSeconds(Seconds)
        );
    }
}
