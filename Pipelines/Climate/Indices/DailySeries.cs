namespace Durable.Pipelines.Climate.Indices;

/// <summary>One value a day over whole years, in calendar order; NaN = missing.</summary>
public sealed class DailySeries
{
    private readonly double[] values;
    private readonly int[] yearStarts;

    private DailySeries(int firstYear, int lastYear)
    {
        FirstYear = firstYear;
        LastYear = lastYear;
        yearStarts =
        [
            .. Enumerable
                .Range(firstYear, lastYear - firstYear + 2)
                .Select(year => new DateOnly(year, 1, 1).DayNumber - new DateOnly(firstYear, 1, 1).DayNumber),
        ];
        values = new double[yearStarts[^1]];
        Array.Fill(values, double.NaN);
    }

    public int FirstYear { get; }

    public int LastYear { get; }

    /// <summary>Every day, from 1 January of the first year.</summary>
    public ReadOnlySpan<double> All => values;

    /// <summary>Arranges dated values by calendar day; absent days are missing, a repeated day keeps its last value.</summary>
    public static DailySeries From(IReadOnlyCollection<(DateOnly Date, double Value)> days)
    {
        if (days.Count == 0)
            throw new ArgumentException("A series needs at least one day.", nameof(days));
        DailySeries series = new(days.Min(day => day.Date.Year), days.Max(day => day.Date.Year));
        int origin = new DateOnly(series.FirstYear, 1, 1).DayNumber;
        foreach ((DateOnly date, double value) in days)
            series.values[date.DayNumber - origin] = value;
        return series;
    }

    /// <summary>The days of a year; empty outside the series.</summary>
    public ReadOnlySpan<double> Year(int year) =>
        year < FirstYear || year > LastYear
            ? []
            : values.AsSpan(yearStarts[year - FirstYear], yearStarts[year - FirstYear + 1] - yearStarts[year - FirstYear]);

    /// <summary>Position of 1 January of a year in <see cref="All"/>.</summary>
    public int StartOf(int year) => yearStarts[year - FirstYear];

    /// <summary>
    /// True when a year is complete enough: at most 15 days missing in all and at most 3 in any month.
    /// </summary>
    public bool IsComplete(int year)
    {
        ReadOnlySpan<double> days = Year(year);
        if (days.IsEmpty)
            return false;
        int missing = 0,
            day = 0;
        for (int month = 1; month <= 12; month++)
        {
            int missingInMonth = 0;
            for (int end = day + DateTime.DaysInMonth(year, month); day < end; day++)
                missingInMonth += double.IsNaN(days[day]) ? 1 : 0;
            if (missingInMonth > 3)
                return false;
            missing += missingInMonth;
        }

        return missing <= 15;
    }
}
