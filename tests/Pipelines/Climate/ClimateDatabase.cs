using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Packing;
using Durable.Pipelines.Climate.Results;
using Durable.Pipelines.Climate.Sample;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Climate;

/// <summary>A fresh database with the app's schema and the climate stores on it.</summary>
internal sealed class ClimateDatabase : IAsyncDisposable
{
    private ClimateDatabase(NpgsqlDataSource source)
    {
        Source = source;
        Grid = new GridStore(source);
        Partitions = new Partitions(source);
        Gates = new DataGates(source);
        Packer = new PlacePacker(source, Grid);
        Sample = new SampleLoader(source, Grid, Packer);
        Hazards = new HazardTable(source, Grid, Partitions, Gates);
        Probabilities = new ProbabilityTable(source, Grid, Partitions, Gates);
    }

    public NpgsqlDataSource Source { get; }
    public GridStore Grid { get; }
    public Partitions Partitions { get; }
    public DataGates Gates { get; }
    public PlacePacker Packer { get; }
    public SampleLoader Sample { get; }
    public HazardTable Hazards { get; }
    public ProbabilityTable Probabilities { get; }

    public static async Task<ClimateDatabase> CreateAsync()
    {
        NpgsqlDataSource source = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        return new ClimateDatabase(source);
    }

    /// <summary>The same with a sample grid and the given years of it.</summary>
    public static async Task<ClimateDatabase> WithSampleAsync(int cells, int firstYear, int lastYear, params Scenario[] scenarios)
    {
        ClimateDatabase database = await CreateAsync();
        await database.Sample.LoadPlacesAsync(cells, seed: 7);
        foreach (Scenario scenario in scenarios)
            await database.Sample.LoadYearsAsync(cells, 7, scenario, firstYear, lastYear);
        return database;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlCommand command = Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync() ?? throw new InvalidOperationException($"No row: {sql}"));
    }

    public async Task ExecuteAsync(string sql)
    {
        await using NpgsqlCommand command = Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
