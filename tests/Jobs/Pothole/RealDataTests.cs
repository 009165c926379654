using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class RealDataTests
{
    [SharedDataSparkFact("pothole")]
    public async Task The_document_holds_what_the_evaluation_on_real_recordings_prints()
    {
        string folder = Directory.CreateTempSubdirectory("durable-pothole-").FullName;
        try
        {
            Ran ran = await SparkStandIn.SubmitAsync("evaluation/main.py", "--data", SharedData.PathOf("pothole"), "--work", folder);
            Assert.True(ran.ExitCode == 0, ran.Error);

            string document = await File.ReadAllTextAsync(Path.Combine(SparkStandIn.Root, "docs", "pothole-real-data.md"));
            Assert.Contains("| ±2 s |", ran.Output, StringComparison.Ordinal);
            Assert.Contains(ran.Output.Trim(), document, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [SparkFact]
    public async Task Events_and_labels_are_paired_one_to_one_as_often_as_can_be()
    {
        // Two labels within reach of one event count once; [0, 4] and [0, 9] pair with 3 and 8 only if 3 takes the one that closes first.
        Ran ran = await PythonAsync(
            """
            print(m.events_of([(0, 9, 1), (0.2, 9, 1), (1.1, 9, 1), (1.2, 1, 0), (2.2, 9, 1)], 3.0, 1.0))
            print(m.matches([(10, 10)], [9, 11], 1), m.matches([(0, 9), (0, 4)], [3, 8], 0), m.matches([(5, 6)], [3.9, 7.1], 1), m.matches([(5, 6)], [4], 1))
            print(m.chance_matches([(50, 50)], [50], 0.4, 0, 100), m.chance_matches([(50, 50)], [50], 10.5, 0, 100) * 81)
            """
        );

        // Moved round 100 s by each of 10 … 90 s, a label meets its event never within 0.4 s and twice, at either end, within 10.5 s.
        Assert.Equal(("[(0, 1.1), (2.2, 2.2)]\n1 2 0 1\n0.0 2.0\n", ""), (ran.Output, ran.Error));
    }

    [SparkFact]
    public async Task Gravity_lies_on_the_vertical_axis_in_metres_and_turning_is_in_degrees()
    {
        string folder = Directory.CreateTempSubdirectory("durable-pothole-").FullName;
        try
        {
            await File.WriteAllLinesAsync(
                Path.Combine(folder, "trip1_sensors.csv"),
                [
                    "timestamp,latitude,longitude,speed,accelerometerX,accelerometerY,accelerometerZ,gyroX,gyroY,gyroZ",
                    "1492638965.3,40.5,-79.5,10,0.1,-1,0.2,3.141592653589793,0,0",
                ]
            );
            Ran ran = await PythonAsync(
                $"import pathlib; print(m.read_recording(pathlib.Path('{folder}'), 1), m.korean_day(1492638965300))"
            );

            // 1 g = 9.80665 m/s², π rad/s = 180 °/s, 10 m/s = 36 km/h; 2017-04-19 21:56:05 UTC is the 20th in Seoul.
            Assert.Equal("[(1492638965300, 'trip1', 9.80665, 180.0, 36.0, -79.5, 40.5, 1.0, 10)] 2017-04-20\n", ran.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Task<Ran> PythonAsync(string program) =>
        SparkStandIn.RunAsync(
            "python3",
            ["-B", "-c", $"import sys; sys.path.insert(0, '{SparkStandIn.Jobs}/evaluation'); import main as m\n{program}"]
        );
}
