using System.Globalization;
using Durable.Bench;
using Durable.Tests.Fixtures;

// Usage: dotnet run -c Release --project bench [-- --out FILE] [--cities | --climate [--cells 1000,10000,45000]]
//   --cities: only that row; --climate: the climate batches instead of the engine.
// Starts a PostgreSQL of its own with durable settings (fsync on) unless DURABLE_TEST_POSTGRES names one.
if (args.Contains("--climate"))
{
    int given = Array.IndexOf(args, "--cells");
    int[] sizes = given >= 0 ? [.. args[given + 1].Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture))] : [1000, 10_000, 45_000];
    string report = await ClimateRows.RunAsync(sizes);
    int named = Array.IndexOf(args, "--out");
    if (named >= 0) await File.WriteAllTextAsync(args[named + 1], report);
    return;
}

string connection = await PostgresServer.CreateDatabaseAsync();
BenchTable table = new();
await (args.Contains("--cities") ? EngineRows.CitiesAsync(connection, table) : EngineRows.RunAsync(connection, table));
int at = Array.IndexOf(args, "--out");
if (at >= 0 && at + 1 < args.Length)
{
    string header = string.Create(CultureInfo.InvariantCulture, $"# Engine, measured {DateTime.UtcNow:yyyy-MM-dd} on {Environment.ProcessorCount} cores, fsync on\n\n");
    await File.WriteAllTextAsync(args[at + 1], header + table);
}
