using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class Stage1Tests : IDisposable
{
    private readonly Desk desk = new();

    public void Dispose() => desk.Dispose();

    [SparkFact]
    public async Task A_trip_is_scored_against_all_its_rows_though_they_lie_in_two_files()
    {
        await desk.WriteRawAsync([.. Trip("a", 9, 9, 9)]);
        await desk.WriteRawAsync([.. Trip("a", 9, 14).Select(row => row with { Timestamp = row.Timestamp + 300 })]);

        Scored[] rows = await desk.ScoreAsync();

        // Mean 50 / 5 = 10; squares 4·1 + 16 = 20, by n − 1: 5; √5 = 2.2360679775. |z| = 1/√5 = 0.4472135955 and 4/√5 = 1.7888543820; ×
        // 0.7.
        Assert.Equal([0.313049517, 0.313049517, 0.313049517, 0.313049517, 1.252198067], rows.Select(row => row.Score));
    }

    [SparkFact]
    public async Task The_score_weighs_both_axes_and_takes_their_sizes()
    {
        await desk.WriteRawAsync([Row("a", 0, 1, 3), Row("a", 1, 2, 1), Row("a", 2, 3, 2)]);

        Scored[] rows = await desk.ScoreAsync();

        // Both axes: mean 2, sample deviation √((1 + 1) / 2) = 1. Rows: 0.7·|−1| + 0.3·|1|; 0.7·0 + 0.3·|−1|; 0.7·1 + 0.3·0.
        Assert.Equal([1.0, 0.3, 0.7], rows.Select(row => row.Score));
    }

    [SparkTheory]
    [InlineData("0.7", 0)]
    [InlineData("0.699999999", 1)]
    public async Task Only_a_score_strictly_above_the_threshold_is_a_pothole(string threshold, int expected)
    {
        await desk.WriteRawAsync(Trip("a", 1, 2, 3)); // sample deviation 1: the outer rows score exactly 0.7

        Scored[] rows = await desk.ScoreAsync("--score-threshold", threshold);

        Assert.Equal([expected, 0, expected], rows.Select(row => row.IsPothole));
        Assert.Equal(2 * expected, Desk.Metric(desk.Stage1, "anomalies"));
    }

    [SparkFact]
    public async Task A_trip_of_one_row_or_without_any_spread_scores_0()
    {
        await desk.WriteRawAsync([.. Trip("one", 50), .. Trip("flat", 9.81, 9.81, 9.81)]);

        Scored[] rows = await desk.ScoreAsync();

        Assert.Equal([0, 0, 0, 0], rows.Select(row => row.Score));
        Assert.Equal(2, Desk.Metric(desk.Stage1, "trips"));
    }

    [SparkFact]
    public async Task Slow_rows_and_rows_without_a_good_fix_are_left_out_of_output_and_statistics()
    {
        SensorRow[] left =
        [
            Row("a", 10, 500) with
            {
                Velocity = 5.0,
            },
            Row("a", 11, 500) with
            {
                Hdop = 5.1,
            },
            Row("a", 12, 500) with
            {
                Satellites = 3,
            },
            Row("a", 13, 500) with
            {
                Hdop = null,
            },
        ];
        SensorRow[] kept =
        [
            Row("a", 0, 1) with
            {
                Velocity = 5.1,
            },
            Row("a", 1, 2) with
            {
                Hdop = 5.0,
            },
            Row("a", 2, 3) with
            {
                Satellites = 4,
            },
        ];
        await desk.WriteRawAsync([.. left, .. kept]);

        Scored[] rows = await desk.ScoreAsync();

        Assert.Equal([0.7, 0, 0.7], rows.Select(row => row.Score));
        Assert.Equal(4, Desk.Metric(desk.Stage1, "rows_filtered"));
        Assert.Equal(7, Desk.Metric(desk.Stage1, "rows_in"));
    }

    [SparkFact]
    public async Task A_row_of_another_Korean_day_is_counted_and_not_scored()
    {
        long lastMillisecond = Desk.Midnight + 86_400_000 - 1;
        await desk.WriteRawAsync([
            new SensorRow("a", Desk.Midnight - 1, 500),
            new SensorRow("a", Desk.Midnight, 1),
            new SensorRow("a", Desk.Noon, 2),
            new SensorRow("a", lastMillisecond, 3),
            new SensorRow("a", lastMillisecond + 1, 500),
        ]);

        Scored[] rows = await desk.ScoreAsync();

        Assert.Equal([(Desk.Midnight, 0.7), (Desk.Noon, 0), (lastMillisecond, 0.7)], rows.Select(row => (row.Timestamp, row.Score)));
        Assert.Equal(2, Desk.Metric(desk.Stage1, "rows_wrong_day"));
    }

    [SparkFact]
    public async Task A_row_without_usable_values_is_counted_and_not_scored()
    {
        SensorRow good = Row("a", 0, 1);
        await desk.WriteRawAsync([
            good,
            good with
            {
                Lon = null,
            },
            good with
            {
                Lat = 91,
            },
            good with
            {
                AccelZ = double.NaN,
            },
            good with
            {
                AccelZ = double.PositiveInfinity,
            },
            good with
            {
                GyroY = null,
            },
            good with
            {
                Velocity = double.NaN,
            },
            good with
            {
                Trip = "",
            },
        ]);

        Scored[] rows = await desk.ScoreAsync();

        Assert.Single(rows);
        Assert.Equal(7, Desk.Metric(desk.Stage1, "rows_invalid"));
    }

    [SparkFact]
    public async Task Robust_scores_find_a_pothole_that_hides_itself_in_the_deviation()
    {
        await desk.WriteRawAsync(Trip("a", 1, 2, 3, 4, 100));

        Scored[] classic = await desk.ScoreAsync();
        Scored[] robust = await desk.ScoreAsync("--z-score", "robust");

        // Classic: mean 22, squares 441 + 400 + 361 + 324 + 6084 = 7610, / 4 = 1902.5, √ = 43.617656; 78 / 43.617656 · 0.7 = 1.251786.
        Assert.Equal(1.251786, classic[^1].Score, 1e-6);
        Assert.Equal(0, classic.Sum(row => row.IsPothole));
        // Robust: median 3, absolute deviations 2 1 0 1 97, their median 1; 97 / 1.4826 · 0.7 = 45.797922568.
        Assert.Equal(45.797922568, robust[^1].Score, 1e-9);
        Assert.Equal([0, 0, 0, 0, 1], robust.Select(row => row.IsPothole));
    }

    [SparkFact]
    public async Task A_suspect_on_a_speed_bump_keeps_its_row_and_score_but_is_no_pothole()
    {
        // Two equal rows on the bump, one beside it. A degree is 91,530 m of longitude and 110,943 m of latitude at 34.8° N; the bump
        // reaches 1.8 m.
        const double On = 127.65 + 0.000019,
            Beside = 127.65 + 0.000021;
        SensorRow on = Row("a", 5, 30) with { Lon = On };
        // Mean (5·1 + 3·30) / 8 = 11.875, deviation √((5·10.875² + 3·18.125²) / 7) = 15.01: the five score 0.51, the three 0.85.
        await desk.WriteRawAsync([.. Trip("a", 1, 1, 1, 1, 1), on, on, Row("a", 6, 30) with { Lon = Beside }]);
        await File.WriteAllLinesAsync(
            desk.At("bumps.csv"),
            [
                ",WGS84위도,WGS84경도,과속방지턱폭,과속방지턱연장,도로유형구분",
                "0,34.8,127.65,600,360,1",
                "1,north,127.65,600,360,1",
                "2,34.9,127.65,600,99999,1",
            ]
        );

        Scored[] plain = await desk.ScoreAsync("--score-threshold", "0.6");
        Scored[] filtered = await desk.ScoreAsync("--score-threshold", "0.6", "--speed-bumps", desk.At("bumps.csv"));

        Assert.Equal([0, 0, 0, 0, 0, 1, 1, 1], plain.Select(row => row.IsPothole));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 1], filtered.Select(row => row.IsPothole));
        Assert.Equal(plain.Select(row => (row.Timestamp, row.Lon, row.Score)), filtered.Select(row => (row.Timestamp, row.Lon, row.Score)));
        Assert.Equal(2, Desk.Metric(desk.Stage1, "suspects_on_speed_bumps"));
        Assert.Equal(1, Desk.Metric(desk.Stage1, "speed_bumps_invalid"));
    }

    [SparkFact]
    public async Task The_output_is_in_order_over_no_more_files_than_allowed_and_the_same_for_rows_in_any_order()
    {
        SensorRow[] rows = [.. Enumerable.Range(0, 97).Select(number => Row($"t{number % 3}", number, Math.Sin(number), Math.Cos(number)))];
        await desk.WriteRawAsync(rows);
        Scored[] first = await desk.ScoreAsync("--rows-per-file", "10", "--max-files", "4");
        string metrics = await File.ReadAllTextAsync(Path.Combine(desk.Stage1, "_metrics.json"));

        Assert.Equal(4, Directory.GetFiles(desk.Stage1, "*.parquet").Length);
        Assert.Equal(rows.Select(row => row.Timestamp), first.Select(row => row.Timestamp));

        Directory.Delete(desk.Raw, recursive: true);
        await desk.WriteRawAsync(rows.Reverse().Take(40));
        await desk.WriteRawAsync(rows.Reverse().Skip(40));
        Scored[] second = await desk.ScoreAsync("--rows-per-file", "10", "--max-files", "4");

        Assert.Equal(first, second);
        Assert.Equal(metrics, await File.ReadAllTextAsync(Path.Combine(desk.Stage1, "_metrics.json")));
    }

    [SparkTheory]
    [InlineData("classic")]
    [InlineData("robust")]
    public async Task Scores_are_those_of_a_plain_computation_of_each_trip(string kind)
    {
        Random random = new(7);
        SensorRow[] rows =
        [
            .. from trip in Enumerable.Range(0, 23)
            from tick in Enumerable.Range(0, random.Next(1, 200))
            select Row(
                $"trip {trip}",
                trip * 1000 + tick,
                9.81 + random.NextDouble() * (random.Next(20) == 0 ? 20 : 1),
                random.NextDouble() - 0.5
            ) with
            {
                Velocity = random.Next(0, 60),
                Satellites = random.Next(2, 12),
                Lon = 127.6 + random.NextDouble() / 10,
            },
        ];
        await desk.WriteRawAsync(rows.OrderBy(row => row.Lon));

        Scored[] found = await desk.ScoreAsync("--z-score", kind, "--score-threshold", "2.5");

        Scored[] expected =
        [
            .. from trip in rows.Where(row => row.Velocity > 5 && row.Satellites >= 4).GroupBy(row => row.Trip)
            let z = Enumerable
                .Zip(Sizes([.. trip.Select(row => row.AccelZ!.Value)], kind), Sizes([.. trip.Select(row => row.GyroY!.Value)], kind))
                .ToArray()
            from scored in trip.Zip(z, (row, size) => (row, Score: 0.7 * size.First + 0.3 * size.Second))
            orderby scored.row.Timestamp
            select new Scored(scored.row.Timestamp, scored.row.Lon!.Value, scored.row.Lat!.Value, scored.Score, scored.Score > 2.5 ? 1 : 0),
        ];
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-8));
        Assert.Equal(expected.Select(row => row with { Score = 0 }), found.Select(row => row with { Score = 0 }));
        Assert.InRange(found.Sum(row => row.IsPothole), 1, found.Length / 2);
    }

    // |z| of every value: from the mean in sample deviations, or from the median in median absolute deviations × 1.4826.
    private static IEnumerable<double> Sizes(double[] values, string kind)
    {
        double centre = kind == "classic" ? values.Average() : Median(values);
        double spread =
            kind == "classic"
                ? Math.Sqrt(values.Sum(value => (value - centre) * (value - centre)) / (values.Length - 1))
                : 1.4826 * Median([.. values.Select(value => Math.Abs(value - centre))]);
        return values.Select(value => spread > 0 ? Math.Abs(value - centre) / spread : 0);
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static IEnumerable<SensorRow> Trip(string name, params double[] accelerations) =>
        accelerations.Select((acceleration, tick) => Row(name, tick, acceleration));

    private static SensorRow Row(string trip, int tick, double acceleration, double turning = 0) =>
        new(trip, Desk.Noon + 100 * tick, acceleration, turning);
}
