using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Durable.Pipelines.Spot.Packing;

namespace Durable.Tests.Fixtures;

/// <summary>Which types AWS offers in how many zones of each region, as moto recorded it.</summary>
internal static class MotoOfferings
{
    /// <exception cref="InvalidOperationException">moto, which the AWS sandbox runs on, is not installed.</exception>
    public static IReadOnlyList<Offering> Read()
    {
        using Process python = Process.Start(
            new ProcessStartInfo("python3", ["-c", "import moto.ec2 as ec2; print(ec2.__path__[0])"]) { RedirectStandardOutput = true }
        )!;
        string package = python.StandardOutput.ReadToEnd().Trim();
        python.WaitForExit();
        if (python.ExitCode != 0)
            throw new InvalidOperationException("moto is not installed.");
        return
        [
            .. Directory
                .GetFiles(Path.Combine(package, "resources", "instance_type_offerings", "availability-zone"))
                .Order(StringComparer.Ordinal)
                .SelectMany(OfRegion),
        ];
    }

    private static IEnumerable<Offering> OfRegion(string path)
    {
        using Stream file = File.OpenRead(path);
        using Stream plain = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using JsonDocument offerings = JsonDocument.Parse(plain);
        string region = Path.GetFileName(path).Split('.')[0];
        return
        [
            .. offerings
                .RootElement.EnumerateArray()
                .GroupBy(zone => zone.GetProperty("InstanceType").GetString()!)
                .Select(type => new Offering(type.Key, region, type.Count())),
        ];
    }
}
