using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Durable.Operations.Leases;

/// <summary>Limits on paid machines; settings <c>CostGuard__…</c>. Budgets count a lease's cost up to its deadline, until its receipt shows
/// the real cost.</summary>
public sealed class CostGuardOptions
{
    /// <summary>Longest time from grant to deadline. Default 6 h.</summary>
    [Range(typeof(TimeSpan), "00:00:05", "7.00:00:00", ErrorMessage = "CostGuard__LongestLease must be from 00:00:05 to 7.00:00:00.")]
    public TimeSpan LongestLease { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Most machine seconds of one run: five machines for 4 h are 72,000. Default 100,000.</summary>
    [Range(1, long.MaxValue, ErrorMessage = "CostGuard__RunSeconds must be at least 1.")]
    public long RunSeconds { get; init; } = 100_000;

    /// <summary>Most a run may cost, US dollars. Default 25.</summary>
    [Range(0, 1_000_000, ErrorMessage = "CostGuard__RunUsd must be from 0 to 1,000,000.")]
    public decimal RunUsd { get; init; } = 25;

    /// <summary>Most machine seconds of all runs whose leases were granted on one UTC day. Default 200,000.</summary>
    [Range(1, long.MaxValue, ErrorMessage = "CostGuard__DaySeconds must be at least 1.")]
    public long DaySeconds { get; init; } = 200_000;

    /// <summary>Most that all runs granted on one UTC day may cost, US dollars. Default 50.</summary>
    [Range(0, 1_000_000, ErrorMessage = "CostGuard__DayUsd must be from 0 to 1,000,000.")]
    public decimal DayUsd { get; init; } = 50;

    public const string FromProvider = "provider",
        Configured = "configured";

    /// <summary><c>provider</c> (default): hourly prices come from the provider's price list, or from <see cref="HourlyPrices"/> where it
    /// has none. <c>configured</c>: only from those.</summary>
    [AllowedValues(FromProvider, Configured, ErrorMessage = "CostGuard__PriceList must be provider or configured.")]
    public string PriceList { get; init; } = FromProvider;

    /// <summary>Date of <see cref="HourlyPrices"/>; stated with every price taken from them.</summary>
    public string HourlyPricesAsOf { get; init; } = "2026-11-26";

    /// <summary>
    /// US dollars an hour, <c>type=price</c>, comma-separated; <c>*</c> is the price of every other type; without it those are refused.
    /// Default: on-demand Linux prices of ap-northeast-2 for common types, and a pessimistic 5.00 for the rest.
    /// </summary>
    public string HourlyPrices { get; init; } =
        "t3.micro=0.013,t3.small=0.026,t3.medium=0.052,t3.large=0.104,t3.xlarge=0.208,m5.large=0.118,m5.xlarge=0.236,m5.2xlarge=0.472,c5.large=0.096,c5.xlarge=0.192,r5.large=0.152,r5.xlarge=0.304,ml.m5.large=0.15,ml.m5.xlarge=0.29,ml.m5.2xlarge=0.57,*=5.00";

    /// <summary>The price list of <see cref="HourlyPrices"/>.</summary>
    /// <exception cref="FormatException">An entry is not <c>type=price</c>.</exception>
    public IReadOnlyDictionary<string, decimal> Prices() =>
        HourlyPrices
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(entry => entry.Split('=', 2, StringSplitOptions.TrimEntries))
            .ToDictionary(
                pair => pair[0],
                pair =>
                    pair.Length == 2
                    && decimal.TryParse(pair[1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal price)
                        ? price
                        : throw new FormatException(
                            $"CostGuard__HourlyPrices has '{string.Join('=', pair)}'; "
                                + "write type=price in US dollars, for example t3.medium=0.052."
                        )
            );
}
