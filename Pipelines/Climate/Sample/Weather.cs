namespace Durable.Pipelines.Climate.Sample;

/// <summary>The year of one cell: annual indices that agree with each other (a warm year has fewer frosts, a wet one a wetter wettest
/// day).</summary>
internal readonly record struct Weather(
    float Temperature,
    float SummerDays,
    float TropicalNights,
    float FrostDays,
    float IceDays,
    float ColdestNight,
    float WarmSpellDays,
    float ColdSpellDays,
    float Rain,
    float WettestDay,
    float Rain80Days,
    float DryDays,
    float Humidity,
    float Wind,
    float SpeiJune,
    float SpeiLowest
)
{
    /// <param name="warming">°C since 2020; the only thing that differs between scenarios.</param>
    public static Weather Of(ulong seed, int gridId, double latitude, double elevation, int year, double warming)
    {
        ulong id = (ulong)gridId,
            when = (ulong)year,
            region = (ulong)(latitude * 2);
        double warm = 0.45 * Noise.Bell(seed, 1, when) + 0.15 * Noise.Bell(seed, 2, when, id); // the year's anomaly, mostly shared
        double wet = 0.16 * Noise.Bell(seed, 3, when, region) + 0.06 * Noise.Bell(seed, 4, when, id);
        double mean = 13.6 - 0.85 * (latitude - 36) - 0.0060 * elevation + warming + warm;

        double rain = (1290 - 35 * (latitude - 36) + 0.15 * elevation) * (1 + 0.02 * warming) * Math.Exp(wet);
        double burst = -Math.Log(-Math.Log(0.001 + 0.998 * Noise.Uniform(seed, 5, when, id))); // Gumbel: yearly maxima
        double wettest = Math.Min(rain * 0.6, (105 + 34 * burst) * (1 + 0.06 * warming) * Math.Exp(0.5 * wet));
        double spei = wet / 0.17 - 0.22 * warming;
        return new Weather(
            Temperature: Round(mean, 2),
            SummerDays: Days(95 + 9.5 * (mean - 12.5), 365),
            TropicalNights: Days(2.0 + 5.5 * (mean - 13.0), 200),
            FrostDays: Days(95 - 10.5 * (mean - 12.5), 365),
            IceDays: Days(14 - 4.2 * (mean - 12.5), 365),
            ColdestNight: Round(mean - 26.5 + 2.2 * Noise.Bell(seed, 6, when, region), 1),
            WarmSpellDays: Days(4.0 + 4.2 * warming + 5 * warm + 2.5 * Noise.Bell(seed, 7, when, region), 365),
            ColdSpellDays: Days(5.5 - 1.6 * warming - 4 * warm + 2.0 * Noise.Bell(seed, 8, when, region), 365),
            Rain: Round(rain, 1),
            WettestDay: Round(Math.Max(25, wettest), 1),
            Rain80Days: Days((rain - 700) / 260 + (wettest - 110) / 45, 60),
            DryDays: Days(26 - 22 * wet + 1.2 * warming + 6 * Noise.Bell(seed, 9, when, id), 120),
            Humidity: Round(Math.Clamp(67 + 14 * wet - 0.5 * warming + 2 * Noise.Bell(seed, 10, when, id), 20, 100), 1),
            Wind: Round(
                Math.Clamp(2.3 + 0.0012 * elevation + 0.35 * Noise.Bell(seed, 11, id) + 0.15 * Noise.Bell(seed, 12, when, id), 0.3, 15),
                2
            ),
            SpeiJune: Round(Math.Clamp(spei, -3, 3), 2),
            SpeiLowest: Round(Math.Clamp(spei - 0.15 - 0.5 * Noise.Uniform(seed, 13, when, id), -3, 3), 2)
        );
    }

    private static float Round(double value, int digits) => (float)Math.Round(value, digits);

    private static float Days(double value, int most) => (float)Math.Clamp(Math.Round(value), 0, most);
}
