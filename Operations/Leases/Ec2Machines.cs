using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Pricing;

namespace Durable.Operations.Leases;

/// <summary>EC2 instances.</summary>
/// <param name="pricing">The price list; null: the configured prices apply.</param>
internal sealed class Ec2Machines(IAmazonEC2 ec2, IAmazonPricing? pricing = null) : IPaidMachines
{
    public const string Ec2 = "ec2";

    public string Kind => Ec2;

    /// <remarks>Source: EC2 on-demand pricing, per-second billing of Linux instances with a minimum of 60 s per start.</remarks>
    public TimeSpan LeastBilled => TimeSpan.FromSeconds(60);

    public async Task<IReadOnlyList<Machine>> DescribeAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        Dictionary<string, Instance> found = [];
        string? next = null;
        do
        {
            // By filter, not by id: an unknown id would fail the call for all of them.
            DescribeInstancesResponse page = await ec2.DescribeInstancesAsync(
                new DescribeInstancesRequest { Filters = [new Filter { Name = "instance-id", Values = [.. ids] }], NextToken = next },
                cancellationToken
            );
            foreach (Instance instance in (page.Reservations ?? []).SelectMany(reservation => reservation.Instances ?? []))
                found[instance.InstanceId] = instance;
            next = page.NextToken;
        } while (!string.IsNullOrEmpty(next));

        return
        [
            .. ids.Select(id =>
                found.GetValueOrDefault(id) is { } instance
                    ? new Machine(
                        id,
                        instance.State?.Name?.Value ?? "unknown",
                        instance.InstanceType?.Value ?? "",
                        instance.PrivateIpAddress
                    )
                    : new Machine(id, "absent", "", null)
            ),
        ];
    }

    public async Task<IReadOnlyDictionary<string, decimal>> ListPricesAsync(
        IReadOnlyCollection<string> types,
        CancellationToken cancellationToken
    ) =>
        pricing is not null && (ec2.Config.RegionEndpoint?.SystemName ?? ec2.Config.AuthenticationRegion) is { Length: > 0 } region
            ? await Ec2PriceList.ReadAsync(pricing, region, types, cancellationToken)
            : new Dictionary<string, decimal>();

    public Task StartAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken) =>
        ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [.. ids] }, cancellationToken);

    public Task StopAsync(IReadOnlyList<string> ids, bool force, CancellationToken cancellationToken) =>
        ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [.. ids], Force = force }, cancellationToken);
}
