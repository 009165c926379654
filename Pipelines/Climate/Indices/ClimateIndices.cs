namespace Durable.Pipelines.Climate.Indices;

/// <summary>
/// Annual climate indices from daily values, as the ETCCDI defines them. A year that is not complete enough
/// (<see cref="DailySeries.IsComplete"/>) has no index: NaN.
/// </summary>
/// <remarks>Definitions: ETCCDI; details where those are silent (missing days, spells, percentiles) follow the reference implementation
/// climdex.pcic.</remarks>
public static class ClimateIndices
{
    /// <summary>A day with at least this much rain (mm) is wet.</summary>
    public const double WetDay = 1;

    private const int ShortestSpell = 6;

    /// <summary>Days above a threshold: SU with maxima and 25 °C, TR with minima and 20 °C.</summary>
    public static double DaysAbove(DailySeries series, int year, double threshold) => Count(series, year, value => value > threshold);

    /// <summary>Days below a threshold: FD with minima and 0 °C, ID with maxima and 0 °C.</summary>
    public static double DaysBelow(DailySeries series, int year, double threshold) => Count(series, year, value => value < threshold);

    /// <summary>Days with at least this much: R10mm, R20mm, RAIN80.</summary>
    public static double DaysFrom(DailySeries series, int year, double threshold) => Count(series, year, value => value >= threshold);

    /// <summary>Largest value of the year: RX1DAY, TXx.</summary>
    public static double Largest(DailySeries series, int year) => Fold(series, year, double.NegativeInfinity, Math.Max);

    /// <summary>Smallest value of the year: TNn.</summary>
    public static double Smallest(DailySeries series, int year) => Fold(series, year, double.PositiveInfinity, Math.Min);

    /// <summary>Sum of all days.</summary>
    public static double Total(DailySeries series, int year) => Fold(series, year, 0, (sum, value) => sum + value);

    /// <summary>Mean of the days that have a value.</summary>
    public static double Mean(DailySeries series, int year) => Total(series, year) / Count(series, year, value => !double.IsNaN(value));

    /// <summary>CDD: days of the longest dry spell that ends in the year; it may have started in an earlier one. NaN when a spell spans the
    /// whole year.</summary>
    public static double LongestDrySpell(DailySeries rain, int year) => LongestSpell(rain, year, value => value < WetDay);

    /// <summary>WSDI: days in spells of at least six days above the 90th percentile of their calendar day.</summary>
    /// <param name="percentiles">From <see cref="DayPercentiles"/> with 90.</param>
    public static double WarmSpellDays(DailySeries maxima, int year, double[] percentiles) =>
        SpellDays(maxima, year, (value, day) => value > percentiles[day]);

    /// <summary>CSDI: days in spells of at least six days below the 10th percentile.</summary>
    /// <param name="percentiles">From <see cref="DayPercentiles"/> with 10.</param>
    public static double ColdSpellDays(DailySeries minima, int year, double[] percentiles) =>
        SpellDays(minima, year, (value, day) => value < percentiles[day]);

    /// <summary>
    /// A percentile for each of the 365 calendar days, from the five days around it in every year of the base period; 29 February is left
    /// out and takes the value of 28 February. Quantiles: Hyndman and Fan, type 8.
    /// </summary>
    /// <returns>365 values; NaN where fewer than a tenth of the window's days are known.</returns>
    public static double[] DayPercentiles(DailySeries series, int firstYear, int lastYear, double percent)
    {
        double[] days = WithoutLeapDays(series, firstYear, lastYear);
        double[] thresholds = new double[365],
            window = new double[5 * (lastYear - firstYear + 1)];
        for (int day = 0; day < 365; day++)
        {
            int known = 0;
            for (int year = 0; year <= lastYear - firstYear; year++)
            {
                foreach (double value in days.AsSpan(year * 365 + day, 5))
                {
                    if (!double.IsNaN(value))
                        window[known++] = value;
                }
            }

            thresholds[day] = known < window.Length * 0.1 ? double.NaN : Quantile(window.AsSpan(0, known), percent / 100);
        }

        return thresholds;
    }

    internal static double Quantile(Span<double> values, double p)
    {
        values.Sort();
        double position = 1.0 / 3 + p * (values.Length + 1.0 / 3),
            fuzz = 4 * Math.Pow(2, -52);
        int below = (int)Math.Floor(position + fuzz);
        double share = Math.Abs(position - below) < fuzz ? 0 : position - below;
        if (below < 1)
            return values[0];
        return below >= values.Length ? values[^1] : values[below - 1] + share * (values[below] - values[below - 1]);
    }

    /// <summary>The base period with two days either side, without 29 February.</summary>
    private static double[] WithoutLeapDays(DailySeries series, int firstYear, int lastYear)
    {
        double[] days = new double[365 * (lastYear - firstYear + 1) + 4];
        Array.Fill(days, double.NaN);
        ReadOnlySpan<double> before = series.Year(firstYear - 1),
            after = series.Year(lastYear + 1);
        if (!before.IsEmpty)
            before[^2..].CopyTo(days);
        if (!after.IsEmpty)
            after[..2].CopyTo(days.AsSpan(days.Length - 2));
        for (int year = firstYear; year <= lastYear; year++)
        {
            ReadOnlySpan<double> values = series.Year(year);
            if (values.IsEmpty)
                continue;
            Span<double> target = days.AsSpan(2 + (year - firstYear) * 365, 365);
            values[..59].CopyTo(target);
            values[(values.Length - 306)..].CopyTo(target[59..]);
        }

        return days;
    }

    private static double LongestSpell(DailySeries series, int year, Func<double, bool> belongs)
    {
        if (!series.IsComplete(year))
            return double.NaN;
        ReadOnlySpan<double> all = series.All;
        int start = series.StartOf(year),
            end = start + series.Year(year).Length,
            longest = 0,
            length = 0;
        for (int day = start - 1; day >= 0 && belongs(all[day]); day--)
            length++;
        for (int day = start; day < end; day++)
        {
            length = belongs(all[day]) ? length + 1 : 0;
            bool endsHere = length > 0 && (day + 1 == all.Length || !belongs(all[day + 1]));
            if (endsHere)
                longest = Math.Max(longest, length);
        }

        return longest == 0 && length >= end - start ? double.NaN : longest;
    }

    private static double SpellDays(DailySeries series, int year, Func<double, int, bool> exceeds)
    {
        if (!series.IsComplete(year))
            return double.NaN;
        ReadOnlySpan<double> days = series.Year(year);
        int total = 0,
            length = 0;
        for (int day = 0; day <= days.Length; day++)
        {
            // Day 60 of a leap year is 29 February; it and all days after move up by one.
            int calendarDay = days.Length == 366 && day >= 59 ? day - 1 : day;
            if (day < days.Length && exceeds(days[day], calendarDay))
            {
                length++;
                continue;
            }

            if (length >= ShortestSpell)
                total += length;
            length = 0;
        }

        return total;
    }

    private static double Count(DailySeries series, int year, Func<double, bool> counts) =>
        Fold(series, year, 0, (sum, value) => counts(value) ? sum + 1 : sum);

    private static double Fold(DailySeries series, int year, double seed, Func<double, double, double> step)
    {
        if (!series.IsComplete(year))
            return double.NaN;
        double result = seed;
        foreach (double value in series.Year(year))
        {
            if (!double.IsNaN(value))
                result = step(result, value);
        }

        return result;
    }
}
