using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Sample;

/// <summary>Generated storms of 2015–2022: up to five a year that recurve past the peninsula, and one year without any.</summary>
public static class SampleStorms
{
    public const int FirstYear = 2015,
        LastYear = 2022,
        QuietYear = 2017;

    public static IEnumerable<StormFix> Fixes(int seed)
    {
        ulong key = (ulong)seed;
        for (int year = FirstYear; year <= LastYear; year++)
        {
            int storms = year == QuietYear ? 0 : 2 + (int)(4 * Noise.Uniform(key, 200, (ulong)year));
            for (int storm = 1; storm <= storms; storm++)
            {
                foreach (StormFix fix in Track(key, year, storm))
                    yield return fix;
            }
        }
    }

    private static IEnumerable<StormFix> Track(ulong key, int year, int storm)
    {
        ulong id = (ulong)(year * 100 + storm);
        double turn = 123.5 + 7 * Noise.Uniform(key, 201, id),
            peak = 28 + 24 * Noise.Uniform(key, 202, id);
        DateTime start = new DateTime(year, 7, 5, 0, 0, 0, DateTimeKind.Utc).AddDays((int)(75 * Noise.Uniform(key, 203, id)));
        for (int step = 0; step < 24; step++)
        {
            double latitude = 22 + 0.85 * step,
                longitude = turn + 0.9 * Math.Pow(Math.Max(0, latitude - 30) / 3, 1.6) - 0.12 * Math.Max(0, 30 - latitude);
            double wind = Math.Max(12, peak * (1 - 0.0042 * Math.Pow(latitude - 27, 2)));
            string grade =
                wind >= 33 ? "TY"
                : wind >= 25 ? "STS"
                : wind >= 17 ? "TS"
                : "TD";
            DateTime at = start.AddHours(6 * step);
            yield return new StormFix(
                $"{year % 100:00}{storm:00}",
                year,
                at.Month,
                at.Day,
                at.Hour,
                grade,
                Math.Round(latitude, 1),
                Math.Round(longitude, 1),
                Math.Round(wind),
                Math.Round(1010 - 1.3 * wind),
                grade == "TD" ? double.NaN : Math.Round(7 * wind),
                grade == "TD" ? double.NaN : Math.Round(5 * wind),
                45,
                grade is "TY" or "STS" ? Math.Round(3 * wind) : double.NaN,
                grade is "TY" or "STS" ? Math.Round(2.2 * wind) : double.NaN,
                45
            );
        }
    }
}
