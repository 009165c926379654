using System.Globalization;
using Durable.Bench;
using Durable.Tests.Fixtures;

// Usage: dotnet run -c Release --project bench [-- --out FILE] [--cities]   (--cities: only that row)
// Starts a PostgreSQL of its own with durable settings (fsync on) unless DURABLE_TEST_POSTGRES names one.
string connection = await PostgresServer.CreateDatabaseAsync();
BenchTable table = new();
await (args.Contains("--cities") ? EngineRows.CitiesAsync(connection, table) : EngineRows.RunAsync(connection, table));
int at = Array.IndexOf(args, "--out");
if (at >= 0 && at + 1 < args.Length)
{
    string header = string.Create(CultureInfo.InvariantCulture, $"# Engine, measured {DateTime.UtcNow:yyyy-MM-dd} on {Environment.ProcessorCount} cores, fsync on\n\n");
    await File.WriteAllTextAsync(args[at + 1], header + table);
}
