using System.Reflection;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Amazon.Runtime.Endpoints;
using Amazon.SageMaker;

namespace Durable.Tests.AwsServices;

/// <summary>Our clients against AWS's own service models: names, bytes, signatures, answers, errors, addresses.</summary>
public sealed class BotocoreTests(BotocoreEvidence evidence) : IClassFixture<BotocoreEvidence>
{
    /// <summary>Every operation of every client interface.</summary>
    public static TheoryData<string> Operations =>
        [
            .. from client in typeof(IAmazonSageMaker).Assembly.GetExportedTypes()
            where client.IsInterface && typeof(IAmazonService).IsAssignableFrom(client)
            from method in client.GetMethods(BindingFlags.Public | BindingFlags.Instance)
            where method.Name.EndsWith("Async", StringComparison.Ordinal) && method.GetParameters().Length == 2
            orderby client.Name, method.Name
            select $"{client.Name["IAmazon".Length..]}.{method.Name[..^"Async".Length]}",
        ];

    [BotocoreTheory]
    [MemberData(nameof(Operations))]
    public void An_operation_sends_signs_reads_and_fails_as_botocore_does(string operation)
    {
        JsonArray differences = evidence.Verdicts[operation]!.AsArray();

        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    [BotocoreFact]
    public void A_client_finds_the_endpoint_of_its_region_in_every_partition()
    {
        foreach (JsonNode? expected in evidence.Samples["endpoints"]!.AsArray())
        {
            ClientConfig config = BotocoreEvidence.NewConfig((string)expected!["service"]!);
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName((string)expected["region"]!);

            Assert.Equal(
                (string?)expected["url"],
                config
                    .DetermineServiceOperationEndpoint(
                        new ServiceOperationEndpointParameters(new Amazon.SageMaker.Model.ListTrainingJobsRequest())
                    )
                    .URL
            );
        }
    }

    [Fact]
    public void What_is_public_has_an_official_name()
    {
        string[] foreign =
        [
            .. typeof(IAmazonSageMaker)
                .Assembly.GetExportedTypes()
                .Select(t => t.FullName!)
                .Where(n => !n.StartsWith("Amazon.", StringComparison.Ordinal)),
        ];

        Assert.Empty(foreign);
    }
}
