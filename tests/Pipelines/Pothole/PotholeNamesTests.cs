using Durable.Pipelines.Pothole;
using Microsoft.Extensions.Options;

namespace Durable.Tests.Pipelines.Pothole;

/// <summary>What may become a day, a bucket, a key or a setting, and what may not.</summary>
public sealed class PotholeNamesTests
{
    [Theory]
    [InlineData("2026-02-12T14:59:59Z", "2026-02-11")] // 23:59:59 KST on the 12th
    [InlineData("2026-02-12T15:00:00Z", "2026-02-12")] // 00:00 KST on the 13th
    [InlineData("2026-02-13T01:00:00Z", "2026-02-12")] // the timer, 10:00 KST
    [InlineData("2026-02-28T17:00:00Z", "2026-02-28")] // 02:00 KST on 1 March: UTC's yesterday would be the 27th
    public void The_previous_day_is_Korea_s(string now, string expected) =>
        Assert.Equal(expected, RunDates.Text(RunDates.Previous(DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture))));

    [Theory]
    [InlineData(""), InlineData("2026-2-12"), InlineData("2026-02-30"), InlineData("2026-02-12\n"), InlineData(" 2026-02-12"), InlineData("2026-02-12/../x")]
    [InlineData("2026-02-12;id"), InlineData("$(date +%F)"), InlineData("２０２６-02-12"), InlineData("2026-02-12\"}"), InlineData("2026/02/12"), InlineData("20260212")]
    public void A_day_is_read_exactly_or_not_at_all(string text) => Assert.False(RunDates.TryRead(text, out _));

    [Theory]
    [InlineData(""), InlineData("/a"), InlineData("a/"), InlineData("a//b"), InlineData("a/../b"), InlineData("."), InlineData("a/.hidden"), InlineData("-rf"), InlineData("a/-b")]
    [InlineData("a b"), InlineData("a;b"), InlineData("a'b"), InlineData("a\"b"), InlineData("$(id)"), InlineData("`id`"), InlineData("a*"), InlineData("a?b"), InlineData("a%2e%2e")]
    [InlineData("a\nb"), InlineData("a\n"), InlineData("a\\b"), InlineData("{\"a\":1}"), InlineData("서울"), InlineData("a#b"), InlineData("s3://b/k")]
    public void A_key_holds_nothing_that_a_shell_a_path_or_a_URL_reads_otherwise(string key)
    {
        Assert.False(S3Names.IsKey(key));
        Assert.Throws<ArgumentException>(() => S3Names.Checked(key));
    }

    [Theory]
    [InlineData("ab"), InlineData("Bucket"), InlineData("a..b"), InlineData("-ab"), InlineData("ab-"), InlineData("a_b"), InlineData("a/b"), InlineData("abc\n"), InlineData("a b")]
    public void A_bucket_has_a_bucket_s_name(string name) => Assert.False(S3Names.IsBucket(name));

    [Fact]
    public void Ordinary_names_are_accepted()
    {
        Assert.True(S3Names.IsBucket("softeer-7-de3-bucket"));
        Assert.True(S3Names.IsKey("road-network/road_network_863.csv"));
        Assert.True(S3Names.IsKey("raw/dt=2026-02-12/merged_0000.parquet"));
        Assert.True(RunDates.TryRead("2028-02-29", out _));
    }

    [Fact]
    public void A_pipeline_that_is_off_is_not_checked_and_one_that_is_on_names_every_bad_setting()
    {
        PotholeOptionsValidator validator = new();
        Assert.True(validator.Validate(null, new PotholeOptions()).Succeeded);
        Assert.True(validator.Validate(null, Good()).Succeeded);

        ValidateOptionsResult bad = validator.Validate(null, new PotholeOptions
        {
            Bucket = "B/../x", RawDataPrefix = "a;id", Stage1Prefix = "stage", Stage2Prefix = "stage/2", MasterInstanceId = "i-1; halt", WorkerInstanceIds = "i-0123456789abcdef0,i-0123456789abcdef0",
            ExecutorMemory = "4g --conf x", TotalExecutorCores = 1, PythonPackages = "pyarrow,evil==1 --index-url=http://x", ClusterBudget = TimeSpan.FromHours(13), MaxRejectedShare = double.NaN,
        });

        string[] expected =
        [
            "Pothole__Bucket", "Pothole__RawDataPrefix", "must not lie in each other", "'i-1; halt'", "named twice", "Pothole__ExecutorMemory", "Pothole__TotalExecutorCores",
            "Pothole__PythonPackages is 'pyarrow'", "Pothole__PythonPackages is 'evil==1", "Pothole__ClusterBudget", "Pothole__MaxRejectedShare",
        ];
        Assert.Equal(expected, expected.Where(word => bad.Failures!.Any(failure => failure.Contains(word, StringComparison.Ordinal))));
    }

    internal static PotholeOptions Good() => new() { Bucket = "pothole-bucket", MasterInstanceId = "i-0123456789abcdef0", WorkerInstanceIds = "i-0123456789abcdef1, i-0123456789abcdef2" };
}
