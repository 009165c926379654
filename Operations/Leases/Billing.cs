namespace Durable.Operations.Leases;

/// <summary>The arithmetic of receipts.</summary>
public static class Billing
{
    /// <summary>Seconds billed for one start, rounded up, at least <paramref name="least"/>; 0 when it was never on. Source: EC2 on-demand
    /// pricing, per-second billing.</summary>
    public static long Seconds(DateTime? onSince, DateTime? offAt, TimeSpan least) =>
        onSince is not { } from ? 0 : (long)Math.Ceiling(Math.Max(((offAt ?? from) - from).TotalSeconds, least.TotalSeconds));

    /// <summary>US dollars, rounded to four decimals, halves away from zero.</summary>
    public static decimal Cost(long seconds, decimal hourlyPriceUsd) =>
        decimal.Round(seconds * hourlyPriceUsd / 3600, 4, MidpointRounding.AwayFromZero);
}
