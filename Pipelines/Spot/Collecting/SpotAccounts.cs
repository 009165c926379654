using System.Collections.Concurrent;
using Amazon;
using Amazon.EC2;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Microsoft.Extensions.Configuration;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>EC2 clients by account and region.</summary>
public interface ISpotAccounts
{
    /// <param name="account">One of <see cref="SpotOptions.AccountPool"/>.</param>
    /// <param name="region">Null: the region of the app.</param>
    IAmazonEC2 Ec2(string account, string? region = null);
}

/// <summary>Cached clients: credentials and connections are created once, on first use.</summary>
public sealed class SpotAccounts(IConfiguration settings) : ISpotAccounts, IDisposable
{
    private readonly ConcurrentDictionary<(string Account, string Region), Lazy<AmazonEC2Client>> clients = [];
    private readonly ConcurrentDictionary<string, Lazy<AWSCredentials?>> credentials = [];

    public IAmazonEC2 Ec2(string account, string? region = null)
    {
        string home = settings["AWS_REGION"] is { Length: > 0 } set ? set : "ap-northeast-2";
        return clients
            .GetOrAdd(
                (account, region ?? home),
                place => new Lazy<AmazonEC2Client>(() =>
                {
                    AmazonEC2Config config = new();
                    if (settings["AWS_ENDPOINT_URL"] is { Length: > 0 } url)
                        (config.ServiceURL, config.AuthenticationRegion) = (url, place.Region);
                    else
                        config.RegionEndpoint = RegionEndpoint.GetBySystemName(place.Region);
                    AWSCredentials? own = credentials
                        .GetOrAdd(
                            place.Account,
                            name => new Lazy<AWSCredentials?>(() =>
                                CredentialsOf(name, config.ServiceURL is null ? null : (config.ServiceURL, home))
                            )
                        )
                        .Value;
                    return own is null ? new AmazonEC2Client(config) : new AmazonEC2Client(own, config);
                })
            )
            .Value;
    }

    public void Dispose()
    {
        foreach (Lazy<AmazonEC2Client> client in clients.Values.Where(client => client.IsValueCreated))
            client.Value.Dispose();
    }

    /// <summary>Null: the SDK's default credentials.</summary>
    /// <exception cref="ArgumentException">There is no such profile; permanent.</exception>
    private static AWSCredentials? CredentialsOf(string account, (string Url, string Region)? endpoint)
    {
        if (account == SpotOptions.DefaultAccount)
            return null;
        if (account.StartsWith("arn:", StringComparison.Ordinal))
            return new RoleCredentials(account, endpoint);
        return new CredentialProfileStoreChain().TryGetAWSCredentials(account, out AWSCredentials found)
            ? found
            : throw new ArgumentException(
                $"{SpotOptions.Section}__Accounts names the profile '{account}', which is in no AWS profile file."
            );
    }
}
