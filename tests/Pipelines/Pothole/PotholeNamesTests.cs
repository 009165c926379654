using Durable.Pipelines.Pothole;
using Microsoft.Extensions.Options;

namespace Durable.Tests.Pipelines.Pothole;

/// <summary>Valid and invalid days and settings.</summary>
public sealed class PotholeNamesTests
{
    [Theory]
    [InlineData("2026-02-12T14:59:59Z", "2026-02-11")] // 23:59:59 KST on the 12th
    [InlineData("2026-02-12T15:00:00Z", "2026-02-12")] // 00:00 KST on the 13th
    [InlineData("2026-02-13T01:00:00Z", "2026-02-12")] // the timer, 10:00 KST
    [InlineData("2026-02-28T17:00:00Z", "2026-02-28")] // 02:00 KST on 1 March: UTC's yesterday would be the 27th
    public void The_previous_day_is_Korea_s(string now, string expected) =>
        Assert.Equal(
            expected,
            RunDates.Text(RunDates.Previous(DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture)))
        );

    [Theory]
    [
        InlineData(""),
        InlineData("2026-2-12"),
        InlineData("2026-02-30"),
        InlineData("2026-02-12\n"),
        InlineData(" 2026-02-12"),
        InlineData("2026-02-12/../x")
    ]
    [
        InlineData("2026-02-12;id"),
        InlineData("$(date +%F)"),
        InlineData("２０２６-02-12"),
        InlineData("2026-02-12\"}"),
        InlineData("2026/02/12"),
        InlineData("20260212")
    ]
    public void A_day_is_read_exactly_or_not_at_all(string text) => Assert.False(RunDates.TryRead(text, out _));

    [Fact]
    public void A_leap_day_is_a_day() => Assert.True(RunDates.TryRead("2028-02-29", out _));

    [Fact]
    public void A_pipeline_that_is_off_is_not_checked_and_one_that_is_on_names_every_bad_setting()
    {
        PotholeOptionsValidator validator = new();
        Assert.True(validator.Validate(null, new PotholeOptions()).Succeeded);
        Assert.True(validator.Validate(null, Good()).Succeeded);

        ValidateOptionsResult bad = validator.Validate(
            null,
            new PotholeOptions
            {
                Bucket = "B/../x",
                RawDataPrefix = "a;id",
                Stage1Prefix = "stage",
                Stage2Prefix = "stage/2",
                MasterInstanceId = "i-1; halt",
                WorkerInstanceIds = "i-0123456789abcdef0,i-0123456789abcdef0",
                ExecutorMemory = "4g --conf x",
                TotalExecutorCores = 1,
                PythonPackages = "pyarrow,evil==1 --index-url=http://x",
                ClusterBudget = TimeSpan.FromHours(13),
                MaxRejectedShare = double.NaN,
            }
        );

        string[] expected =
        [
            "Pothole__Bucket",
            "Pothole__RawDataPrefix",
            "must not lie in each other",
            "'i-1; halt'",
            "named twice",
            "Pothole__ExecutorMemory",
            "Pothole__TotalExecutorCores",
            "Pothole__PythonPackages is 'pyarrow'",
            "Pothole__PythonPackages is 'evil==1",
            "Pothole__ClusterBudget",
            "Pothole__MaxRejectedShare",
        ];
        Assert.Equal(expected, expected.Where(word => bad.Failures!.Any(failure => failure.Contains(word, StringComparison.Ordinal))));
    }

    internal static PotholeOptions Good() =>
        new()
        {
            Bucket = "pothole-bucket",
            MasterInstanceId = "i-0123456789abcdef0",
            WorkerInstanceIds = "i-0123456789abcdef1, i-0123456789abcdef2",
        };
}
