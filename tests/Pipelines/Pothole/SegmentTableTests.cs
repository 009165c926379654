using Durable.Pipelines.Pothole;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Pothole;

public sealed class SegmentTableTests : IAsyncLifetime
{
    private const string Header = "s_id,date,impact_count,total_count,centroid_lon,centroid_lat\n";

    private NpgsqlDataSource database = null!;
    private SegmentTable table = null!;

    public async Task InitializeAsync()
    {
        database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        table = new SegmentTable(database);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task A_second_load_changes_what_changed_and_removes_the_segments_that_vanished_of_that_day_only()
    {
        await table.LoadAsync("2026-02-11", Csv("2026-02-11", "a,1,10", "b,2,10", "c,3,10"));
        await table.LoadAsync("2026-02-12", Csv("2026-02-12", "a,1,10", "b,2,10", "c,3,10"));

        LoadedSegments again = await table.LoadAsync("2026-02-12", Csv("2026-02-12", "a,1,10", "b,5,20"));

        Assert.Equal(("2026-02-12", 2, 1, 6L, 30L), (again.Date, again.Rows, again.Removed, again.Impacts, again.Total));
        Assert.Empty(again.Warnings);
        Assert.Equal(
            "11:a1 11:b2 11:c3 12:a1 12:b5",
            await ScalarAsync(
                "SELECT string_agg(to_char(date, 'DD') || ':' || s_id || impact_count, ' ' ORDER BY date, s_id) FROM pothole.pothole_segments"
            )
        );
        Assert.Equal(
            "a",
            await ScalarAsync(
                "SELECT string_agg(s_id, ' ') FROM pothole.pothole_segments WHERE date = '2026-02-12' AND created_at = updated_at"
            )
        ); // b alone was written again
    }

    [Fact]
    public async Task Every_month_has_room_and_loads_at_once_do_not_disturb_each_other()
    {
        string[] days = ["2026-02-28", "2026-03-01", "2026-03-02", "2024-02-29", "2026-12-31", "2027-01-01"];
        await Task.WhenAll(days.Select(day => table.LoadAsync(day, Csv(day, "a,1,10"))));

        Assert.Equal("6", await ScalarAsync("SELECT count(*)::text FROM pothole.pothole_segments"));
    }

    [Fact]
    public async Task Doubts_about_the_data_are_warnings_and_the_day_is_loaded()
    {
        await table.LoadAsync("2026-02-11", Csv("2026-02-11", "a,1,10", "b,1,10", "c,1,10"));

        LoadedSegments loaded = await table.LoadAsync("2026-02-12", Csv("2026-02-12", "a,11,10", ",1,10"));

        Assert.Equal(
            [
                "1 segments have more impacts than measurements",
                "1 rows without a segment were left out",
                "1 segments, 3 on the day before: a change of more than 50 %",
            ],
            loaded.Warnings
        );
        Assert.Equal("11", await ScalarAsync("SELECT impact_count::text FROM pothole.pothole_segments WHERE date = '2026-02-12'"));
    }

    [Theory]
    [InlineData("a,2026-02-11,1,10,127.6,34.8")] // another day
    [
        InlineData("a,2026-02-12,-1,10,127.6,34.8"),
        InlineData("a,2026-02-12,1.5,10,127.6,34.8"),
        InlineData("a,2026-02-12,1,10,NaN,34.8"),
        InlineData("a,2026-02-12,1,10,127.6")
    ]
    [InlineData("a,2026-02-12,1,10,127.6,34.8\na,2026-02-12,1,10,127.6,34.8")] // twice
    [InlineData("a,2026-02-12,1,10,127.6,Infinity"), InlineData("a,2026-02-12,99999999999999999999,1,127.6,34.8")]
    public async Task A_file_that_is_no_export_of_the_day_changes_nothing(string rows)
    {
        await table.LoadAsync("2026-02-12", Csv("2026-02-12", "old,1,10"));

        await Assert.ThrowsAsync<SegmentFileException>(() => table.LoadAsync("2026-02-12", Header + rows + "\n"));
        await Assert.ThrowsAsync<SegmentFileException>(() => table.LoadAsync("2026-02-12", rows + "\n")); // no header
        await Assert.ThrowsAsync<SegmentFileException>(() => table.LoadAsync("2026-02-12", "")); // cut off at its beginning

        Assert.Equal("old", await ScalarAsync("SELECT string_agg(s_id, ' ') FROM pothole.pothole_segments"));
    }

    [Fact]
    public async Task A_segment_with_a_name_full_of_SQL_is_a_segment()
    {
        const string Name = "x'); DROP TABLE pothole.pothole_segments; --";
        await table.LoadAsync("2026-02-12", Csv("2026-02-12", $"{Name},3,4"));

        Assert.Equal(new SegmentRow(Name, 127.6, 34.8, 3, 4), Assert.Single(await table.WorstAsync("2026-02-12", 5)));
    }

    [Fact]
    public async Task The_views_show_the_latest_day_and_the_last_seven()
    {
        await table.LoadAsync("2026-02-05", Csv("2026-02-05", "a,9,9")); // eight days with the 12th: outside
        await table.LoadAsync("2026-02-06", Csv("2026-02-06", "a,1,10"));
        await table.LoadAsync("2026-02-12", Csv("2026-02-12", "a,2,20", "b,1,3", "z,0,0"));

        Assert.Equal(
            "a 10.00, b 33.33, z none",
            await ScalarAsync(
                "SELECT string_agg(s_id || ' ' || coalesce(risk_rate::text, 'none'), ', ' ORDER BY s_id) FROM pothole.heatmap"
            )
        ); // 100·1/3
        Assert.Equal(
            "2 3 30 10.00",
            await ScalarAsync(
                "SELECT days || ' ' || impact_count || ' ' || total_count || ' ' || risk_rate FROM pothole.weekly_stats WHERE s_id = 'a'"
            )
        );
    }

    [Fact]
    public async Task The_summary_names_the_worst_five_their_places_and_the_warnings()
    {
        LoadedSegments loaded = await table.LoadAsync(
            "2026-02-12",
            Csv("2026-02-12", "a,1,10", "b,7,10", "c,3,10", "d,3,5", "e,2,10", "f,1,9", "g,0,10")
        );
        PotholeResult result = new("2026-02-12", DayState.Succeeded, [], [], null, []);

        (string subject, string body) = PotholeSummary.Of(
            result,
            loaded with
            {
                Warnings = ["half is missing"],
            },
            await table.WorstAsync("2026-02-12", 5)
        );

        Assert.Equal("Potholes 2026-02-12: 17 suspected impacts", subject); // 1 + 7 + 3 + 3 + 2 + 1
        string[] lines = body.Split('\n', StringSplitOptions.TrimEntries);
        Assert.Equal("2026-02-12: 17 suspected impacts among 64 measurements on 7 road segments.", lines[0]);
        Assert.Equal(["1. b: 7 of 10 at 34.800000, 127.600000", "2. d: 3 of 5 at 34.800000, 127.600000"], lines[1..3]); // of equals, the one with fewer measurements
        Assert.Equal(["5. f: 1 of 9 at 34.800000, 127.600000", "Warning: half is missing."], lines[5..]);
    }

    private static string Csv(string day, params string[] rows) =>
        Header + string.Concat(rows.Select(row => row.Split(',')).Select(row => $"{row[0]},{day},{row[1]},{row[2]},127.6,34.8\n"));

    private async Task<string?> ScalarAsync(string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string;
    }
}
