using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Planning;

namespace Durable.Tests.Pipelines.Climate;

public sealed class ClimateRequestReaderTests
{
    [Fact]
    public void Nothing_given_means_everything()
    {
        ClimateRequestReading reading = ClimateRequestReader.Read("", []);

        Assert.Equal(
            (2021, 2100, 4, 100_000),
            (reading.Request!.StartYear, reading.Request.EndYear, reading.Request.Workers, reading.Request.BatchSize)
        );
        Assert.Equal(["SSP126", "SSP245", "SSP370", "SSP585"], reading.Request.Scenarios);
        Assert.Equal(9, reading.Request.Risks.Count);
        Assert.Equal("rolling-30", reading.Request.Window);
        Assert.False(reading.DryRun);
    }

    [Fact]
    public void Body_and_query_are_read_under_any_spelling_and_the_query_wins()
    {
        ClimateRequestReading reading = ClimateRequestReader.Read(
            """{"scenarios": ["ssp585", "SSP126"], "startYear": 2030, "end_year": 2040, "bbox": {"south": 33, "west": 124.5, "north": 34, "east": 127}, "force": true}""",
            [
                new("start-year", "2035"),
                new("batch-size", "500"),
                new("risks", "drought,typhoon"),
                new("dryRun", "true"),
                new("code", "key"),
            ]
        );

        ClimateRequest request = reading.Request!;
        Assert.Equal(["SSP126", "SSP585"], request.Scenarios); // canonical order: the same run whatever the order given
        Assert.Equal((2035, 2040, 500, true, true), (request.StartYear, request.EndYear, request.BatchSize, request.Force, reading.DryRun));
        Assert.Equal(Risk.Drought.Bit() | Risk.Typhoon.Bit(), request.RiskMask);
        Assert.Equal(new BoundingBox(33, 124.5, 34, 127), request.Box);
    }

    [Theory]
    [InlineData("""{"scenario": "SSP999"}""", "scenario", "SSP126, SSP245, SSP370, SSP585")]
    [InlineData("""{"startYear": 2020}""", "startYear", "2021 to 2100")]
    [InlineData("""{"endYear": 2101}""", "endYear", "2021 to 2100")]
    [InlineData("""{"startYear": 2050, "endYear": 2049}""", "startYear", "lies after endYear 2049")]
    [InlineData("""{"workers": 0}""", "workers", "1 to 64")]
    [InlineData("""{"workers": 65}""", "workers", "1 to 64")]
    [InlineData("""{"workers": "many"}""", "workers", "1 to 64")]
    [InlineData("""{"batchSize": 1}""", "batchSize", "50 to 1000000")]
    [InlineData("""{"risks": "plague"}""", "risks", "extreme_heat")]
    [InlineData("""{"bbox": "39,124,33,132"}""", "bbox", "south,west,north,east")]
    [InlineData("""{"window": "decadal"}""", "window", "rolling-30, full-series")]
    [InlineData("""{"force": "maybe"}""", "force", "true, false")]
    [InlineData("""{"maxFallbackShare": 2}""", "maxFallbackShare", "0 to 1")]
    [InlineData("""{"maxChange": -1}""", "maxChange", "0 to 100")]
    [InlineData("""{"grid": 5}""", "grid", "scenario, startYear")]
    [InlineData("[1]", "body", "JSON object")]
    [InlineData("{", "body", "not JSON")]
    public void A_bad_value_is_named_with_what_is_allowed(string body, string field, string allowed)
    {
        ClimateRequestReading reading = ClimateRequestReader.Read(body, []);

        Assert.Null(reading.Request);
        Assert.Contains(allowed, reading.Errors[field], StringComparison.Ordinal);
    }

    [Fact]
    public void Every_bad_field_is_named_at_once()
    {
        Assert.Equal(
            ["endYear", "scenario", "workers"],
            ClimateRequestReader.Read("""{"scenario": "x", "workers": -1, "endYear": 1}""", []).Errors.Keys.Order()
        );
    }

    [Fact]
    public void Runs_that_do_the_same_share_a_fingerprint_however_they_do_it()
    {
        ClimateRequest one = ClimateRequest.Everything,
            other = one with { Workers = 8, BatchSize = 100, Force = true, PlanHash = "x" };

        Assert.Equal(one.Fingerprint, other.Fingerprint);
        Assert.NotEqual(one.Fingerprint, (one with { EndYear = 2099 }).Fingerprint);
        Assert.NotEqual(one.Fingerprint, (one with { Window = "full-series" }).Fingerprint);
    }
}
