using Durable.Operations.Aws;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Returns;
using Durable.Pipelines.Spot;
using Microsoft.Extensions.Options;

namespace Durable.Tests.Operations;

/// <summary>What may become a bucket, a key or a role, and what may not; every pipeline has the same rule.</summary>
public sealed class AwsNamesTests
{
    [Theory]
    [
        InlineData(""),
        InlineData("/a"),
        InlineData("a/"),
        InlineData("a//b"),
        InlineData("a/../b"),
        InlineData("."),
        InlineData("a/.hidden"),
        InlineData("-rf"),
        InlineData("a/-b")
    ]
    [
        InlineData("a b"),
        InlineData("a;b"),
        InlineData("a'b"),
        InlineData("a\"b"),
        InlineData("$(id)"),
        InlineData("`id`"),
        InlineData("a*"),
        InlineData("a?b"),
        InlineData("a%2e%2e")
    ]
    [
        InlineData("a\nb"),
        InlineData("a\n"),
        InlineData("a\\b"),
        InlineData("{\"a\":1}"),
        InlineData("서울"),
        InlineData("a#b"),
        InlineData("s3://b/k")
    ]
    public void A_key_holds_nothing_that_a_shell_a_path_or_a_URL_reads_otherwise(string key)
    {
        Assert.False(S3Names.IsKey(key));
        Assert.Throws<ArgumentException>(() => S3Names.Checked(key));
    }

    [Theory]
    [
        InlineData("ab"),
        InlineData("Bucket"),
        InlineData("a..b"),
        InlineData("-ab"),
        InlineData("ab-"),
        InlineData("a_b"),
        InlineData("a/b"),
        InlineData("abc\n"),
        InlineData("a b")
    ]
    public void A_bucket_has_a_bucket_s_name(string name) => Assert.False(S3Names.IsBucket(name));

    [Fact]
    public void Ordinary_names_are_accepted()
    {
        Assert.True(S3Names.IsBucket("softeer-7-de3-bucket"));
        Assert.True(S3Names.IsKey("road-network/road_network_863.csv"));
        Assert.True(S3Names.IsKey("raw/dt=2026-02-12/merged_0000.parquet"));
        Assert.True(RoleArns.IsRole("arn:aws:iam::123456789012:role/sagemaker"));
        Assert.True(RoleArns.IsRole("arn:aws-cn:iam::123456789012:role/service-role/AmazonSageMaker+x=,.@_-"));
    }

    public static TheoryData<string, bool> Roles =>
        new()
        {
            { "arn:aws:iam::123456789012:role/" + new string('n', 64), true },
            { "arn:aws:iam::123456789012:role/" + new string('n', 65), false },
            { $"arn:aws:iam::123456789012:role/{new string('p', 510)}/{new string('n', 64)}", true },
            { $"arn:aws:iam::123456789012:role/{new string('p', 511)}/n", false },
            { "arn:aws:iam::1:role/x", false },
            { "arn:aws:iam::123456789012:user/x", false },
            { "arn:aws:iam::123456789012:role/", false },
            { "arn:aws:iam::123456789012:role/a/", false },
            { "arn:aws:iam::123456789012:role/x\ny", false },
            { "arn:aws:iam::123456789012:role/x;id", false },
        };

    [Theory, MemberData(nameof(Roles))]
    public void A_role_is_as_long_as_IAM_allows_and_the_same_to_every_pipeline(string arn, bool isRole)
    {
        Assert.Equal(isRole, RoleArns.IsRole(arn));
        ValidateOptionsResult[] results =
        [
            new ReturnsOptionsValidator().Validate(null, new ReturnsOptions { Bucket = "bucket", RoleArn = arn }),
            new BenchmarkOptionsValidator().Validate(
                null,
                new BenchmarkOptions
                {
                    Bucket = "bucket",
                    RoleArn = arn,
                    Images = "xgboost=image",
                }
            ),
            new SpotOptionsValidator().Validate(null, new SpotOptions { Bucket = "bucket", Accounts = "default," + arn }),
        ];
        Assert.All(results, result => Assert.True(result.Succeeded == isRole, result.FailureMessage));
    }
}
