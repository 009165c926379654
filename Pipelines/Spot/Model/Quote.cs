namespace Durable.Pipelines.Spot.Model;

/// <summary>Values of one row of the market; -1 where a source has none.</summary>
/// <param name="Score">Placement score of one instance, raised when a larger capacity scores higher.</param>
/// <param name="T3">Largest capacity of the cycle that scored 3 or more; 0 when none did.</param>
/// <param name="T2">The same for a score of 2.</param>
/// <param name="Interruption">3 (rarely interrupted) down to 1 in steps of 0.5.</param>
/// <param name="SpotPrice">US dollars an hour, five decimals.</param>
/// <param name="OnDemandPrice">US dollars an hour, five decimals.</param>
public readonly record struct Quote(int Score, int T3, int T2, double Interruption, double SpotPrice, double OnDemandPrice)
{
    /// <summary>Stands for a value missing from its source.</summary>
    public const int Missing = -1;

    /// <summary>Published once for a vanished row.</summary>
    public static readonly Quote Ceased;

    /// <summary>Percent saved against on-demand, truncated to a whole number; -1 when a price is missing.</summary>
    public int Savings =>
        SpotPrice == Missing || OnDemandPrice == Missing || OnDemandPrice == 0 ? Missing : (int)(100 - (SpotPrice * 100 / OnDemandPrice));

    /// <summary>Rounds a price to five decimals, half to even, from its decimal text, without prior binary rounding.</summary>
    public static double Price(decimal dollars) => (double)decimal.Round(dollars, 5, MidpointRounding.ToEven);
}
