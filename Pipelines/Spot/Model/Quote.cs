namespace Durable.Pipelines.Spot.Model;

/// <summary>What is known of one row of the market; -1 where a source did not have it.</summary>
/// <param name="Score">Placement score of one instance, raised when a larger capacity scores higher.</param>
/// <param name="T3">Largest capacity, of those asked for in turn, that scored 3 or more; 0 when none did.</param>
/// <param name="T2">The same for a score of 2.</param>
/// <param name="Interruption">3 (seldom interrupted) down to 1 in halves.</param>
/// <param name="SpotPrice">US dollars an hour, five decimals.</param>
/// <param name="OnDemandPrice">US dollars an hour, five decimals.</param>
public readonly record struct Quote(int Score, int T3, int T2, double Interruption, double SpotPrice, double OnDemandPrice)
{
    /// <summary>Stands for a value that its source does not have.</summary>
    public const int Missing = -1;

    /// <summary>What a row that is gone is published as, once.</summary>
    public static readonly Quote Ceased;

    /// <summary>Percent saved against on-demand, cut to a whole number; -1 when a price is missing.</summary>
    public int Savings =>
        SpotPrice == Missing || OnDemandPrice == Missing || OnDemandPrice == 0 ? Missing : (int)(100 - (SpotPrice * 100 / OnDemandPrice));

    /// <summary>Rounds a price to five decimals, half to even, from its decimal text: no binary rounding comes before it.</summary>
    public static double Price(decimal dollars) => (double)decimal.Round(dollars, 5, MidpointRounding.ToEven);
}
