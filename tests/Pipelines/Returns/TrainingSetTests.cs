using DuckDB.NET.Data;
using Durable.Pipelines.Returns;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>The training set's file, read by independent readers.</summary>
public sealed class TrainingSetTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("training-set-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task DuckDb_reads_every_value_that_was_written()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(2500)]; // more than a row group
        string path = Path.Combine(folder, "train.parquet");
        Assert.Equal(rows.Length, await TrainingSetFile.WriteAsync(path, null, ReturnsSample.Async(rows)));

        using DuckDBConnection duck = new("DataSource=:memory:");
        await duck.OpenAsync();
        using DuckDBCommand read = duck.CreateCommand();
        read.CommandText =
            $"SELECT epoch_us(ts), epoch_us(base_ts), {string.Join(", ", ReturnsShape.Targets)}, features FROM '{path}' ORDER BY ts";
        using System.Data.Common.DbDataReader reader = await read.ExecuteReaderAsync();
        foreach (TrainingRow row in rows)
        {
            Assert.True(await reader.ReadAsync());
            Assert.Equal(Microseconds(row.BaseTs.AddMinutes(10)), reader.GetInt64(0));
            Assert.Equal(Microseconds(row.BaseTs), reader.GetInt64(1));
            for (int target = 0; target < 6; target++)
                Assert.Equal(row.Targets[target], reader.GetDouble(2 + target));
            Assert.Equal(row.Features, reader.GetFieldValue<List<float>>(8));
        }

        Assert.False(await reader.ReadAsync());
    }

    [Fact]
    public async Task Statistics_and_schema_version_are_in_the_file()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(2500)];
        string path = Path.Combine(folder, "train.parquet");
        await TrainingSetFile.WriteAsync(path, null, ReturnsSample.Async(rows));

        using DuckDBConnection duck = new("DataSource=:memory:");
        await duck.OpenAsync();
        // A filter in the middle of a row group: wrong statistics would drop rows silently.
        Assert.Equal(
            100L,
            await ScalarAsync(duck, $"SELECT count(*) FROM '{path}' WHERE ts > TIMESTAMPTZ '{rows[^101].Ts:yyyy-MM-dd HH:mm:ss}+00'")
        );
        Assert.Equal(
            2L,
            await ScalarAsync(
                duck,
                $"SELECT count(DISTINCT row_group_id) FROM parquet_metadata('{path}') WHERE stats_min_value IS NOT NULL"
            )
        );
        Assert.Equal(
            "1",
            await ScalarAsync(duck, $"SELECT decode(value) FROM parquet_kv_metadata('{path}') WHERE decode(key) = 'schema_version'")
        );
    }

    [Fact]
    public async Task The_last_rows_are_read_back_without_the_rest()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(2500)];
        string path = Path.Combine(folder, "train.parquet");
        await TrainingSetFile.WriteAsync(path, null, ReturnsSample.Async(rows));
        Assert.Equal(rows.Length, TrainingSetFile.Count(path));
        TrainingRow[] read = [.. TrainingSetFile.Read(path, 1990).SelectMany(block => block)];
        Assert.Equal(
            rows.Skip(1990).Select(row => (row.BaseTs, row.Targets[3], row.Features[511])),
            read.Select(row => (row.BaseTs, row.Targets[3], row.Features[511]))
        );
    }

    [Fact]
    public async Task The_same_rows_give_the_same_bytes()
    {
        string first = Path.Combine(folder, "a.parquet"),
            second = Path.Combine(folder, "b.parquet");
        foreach (string path in (string[])[first, second])
            await TrainingSetFile.WriteAsync(path, null, ReturnsSample.Async(ReturnsSample.Rows(50)));
        Assert.Equal(await File.ReadAllBytesAsync(first), await File.ReadAllBytesAsync(second));
    }

    [TorchFact]
    public async Task Numpy_reads_the_array_as_it_was_written()
    {
        TrainingRow[] rows = [.. ReturnsSample.Rows(5)];
        await TrainingSetFile.WriteAsync(
            Path.Combine(folder, "train.parquet"),
            Path.Combine(folder, "train.npy"),
            ReturnsSample.Async(rows)
        );
        (int code, string output) = await ReturnsSample.PythonAsync(
            folder,
            "import numpy; a = numpy.load('train.npy'); print(len(a), a['ts'][4], a['base_ts'][0], repr(float(a['targets'][2][5])), a['features'].shape, repr(float(a['features'][4][511])))"
        );
        Assert.True(code == 0, output);
        Assert.Equal(
            FormattableString.Invariant(
                $"5 {Microseconds(rows[4].Ts)} {Microseconds(rows[0].BaseTs)} {rows[2].Targets[5]:R} (5, 512) {(double)rows[4].Features[511]:R}"
            ),
            output.Trim()
        );
    }

    [Theory, InlineData(3, 1, 1, 1), InlineData(10, 7, 1, 2), InlineData(1000, 700, 100, 200), InlineData(7, 4, 1, 2)]
    public void Rows_are_split_by_time_as_the_script_splits_them(int rows, int train, int validation, int test) =>
        Assert.Equal(new TrainingSplit(train, validation, test), TrainingSplit.Of(rows));

    private static long Microseconds(DateTime utc) => (utc - DateTime.UnixEpoch).Ticks / 10;

    private static async Task<object?> ScalarAsync(DuckDBConnection duck, string sql)
    {
        using DuckDBCommand command = duck.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync();
    }
}
