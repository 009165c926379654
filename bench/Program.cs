using System.Globalization;
using Durable.Bench;
using Durable.Tests.Fixtures;

// Usage: dotnet run -c Release --project bench [-- --out FILE] [one of]
//   --cities                                only that row of the engine
//   --climate [--cells 1000,10000,45000]    the climate batches instead of the engine
//   --national [--cells 451351]             their whole path once, at full size
//   --spot                                  the spot market
//   --returns [--rows 1000000]              the returns pipeline, without PostgreSQL
// Starts a PostgreSQL of its own with durable settings (fsync on) unless DURABLE_TEST_POSTGRES names one.
if (args.Contains("--spot"))
{
    string spot = await SpotRows.RunAsync(BenchHeader.Of("The spot market", args));
    int file = Array.IndexOf(args, "--out");
    if (file >= 0)
        await File.WriteAllTextAsync(args[file + 1], spot);
    return;
}

if (args.Contains("--climate") || args.Contains("--national"))
{
    bool national = args.Contains("--national");
    int given = Array.IndexOf(args, "--cells");
    int[] sizes =
        given >= 0 ? [.. args[given + 1].Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture))]
        : national ? [NationalRows.NationalCells]
        : [1000, 10_000, 45_000];
    string report = national
        ? await NationalRows.RunAsync(sizes[0], BenchHeader.Of("The national grid, step by step", args))
        : await ClimateRows.RunAsync(sizes, BenchHeader.Of("Climate batches", args));
    int named = Array.IndexOf(args, "--out");
    if (named >= 0)
        await File.WriteAllTextAsync(args[named + 1], report);
    return;
}

if (args.Contains("--returns"))
{
    int given = Array.IndexOf(args, "--rows"),
        named = Array.IndexOf(args, "--out");
    BenchTable returns = new();
    await ReturnsRows.RunAsync(returns, given >= 0 ? int.Parse(args[given + 1], CultureInfo.InvariantCulture) : 1_000_000);
    string report = BenchHeader.Of("Returns", args) + "\n" + returns;
    Console.WriteLine(report);
    if (named >= 0)
        await File.WriteAllTextAsync(args[named + 1], report);
    return;
}

string connection = await PostgresServer.CreateDatabaseAsync();
BenchTable table = new();
await (args.Contains("--cities") ? EngineRows.CitiesAsync(connection, table) : EngineRows.RunAsync(connection, table));
int at = Array.IndexOf(args, "--out");
if (at >= 0 && at + 1 < args.Length)
{
    await File.WriteAllTextAsync(args[at + 1], BenchHeader.Of("Engine", args) + "\n" + table);
}
