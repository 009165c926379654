using System.Globalization;
using System.IO.Compression;
using System.Text;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Packing;

namespace Durable.Tests.Pipelines.Climate.Import;

/// <summary>Real deliveries: truncated archives, stray quotes, Korean encodings, dates of every kind. Nothing is guessed; every refusal has
/// a reason.</summary>
public sealed class StrictImportTests(StrictImportTests.Warehouse warehouse) : IClassFixture<StrictImportTests.Warehouse>
{
    private const string Admin = "admin_code,admin_name,population\n";
    private const string Months = "observation_date,grid_id,ssp1,ssp2,ssp3,ssp5\n";

    private ClimateDatabase Database => warehouse.Database;

    [Theory, InlineData(0.5), InlineData(0.9), InlineData(0.999)]
    public async Task A_cut_archive_is_refused_whole_wherever_it_was_cut(double share)
    {
        byte[] whole = Gzip(Rows(2000));

        string reason = await RefusedAsync("location_admin", whole[..(int)(whole.Length * share)]);

        Assert.Contains("cut off", reason, StringComparison.Ordinal);
    }

    [Theory, InlineData(0.3), InlineData(0.6), InlineData(0.95)]
    public async Task A_flipped_byte_is_found_and_refused_whole(double at)
    {
        byte[] damaged = Gzip(Rows(2000));
        damaged[(int)(damaged.Length * at)] ^= 0x10;

        await RefusedAsync("location_admin", damaged);
    }

    [Fact]
    public async Task A_wrong_checksum_a_wrong_length_and_what_follows_an_archive_are_refused()
    {
        byte[] whole = Gzip(Rows(50));

        await RefusedAsync("location_admin", [.. whole[..^8], (byte)(whole[^8] ^ 1), .. whole[^7..]]);
        await RefusedAsync("location_admin", [.. whole[..^4], (byte)(whole[^4] ^ 1), .. whole[^3..]]);
        await RefusedAsync("location_admin", [.. whole, 1, 2, 3]);
        Assert.Equal(50, (await ImportAsync("location_admin", whole)).Accepted);
    }

    [Fact]
    public async Task Other_formats_are_refused_by_name()
    {
        MemoryStream zip = new();
        using (ZipArchive archive = new(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            await using Stream entry = await archive.CreateEntry("a.csv").OpenAsync();
            await entry.WriteAsync(Rows(3));
        }

        Assert.Contains("a ZIP archive", await RefusedAsync("location_admin", zip.ToArray()), StringComparison.Ordinal);
        Assert.Contains("a ZIP archive", await RefusedAsync("location_admin", Gzip(zip.ToArray())), StringComparison.Ordinal);
        Assert.Contains(
            "UTF-16",
            await RefusedAsync("location_admin", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Admin)]),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "UTF-16",
            await RefusedAsync("location_admin", Encoding.BigEndianUnicode.GetBytes(Admin)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_stray_or_unclosed_quote_costs_its_own_row_and_no_other()
    {
        ImportReceipt receipt = await ImportAsync(
            "location_admin",
            Admin
                + """
                q1,a"b,2
                q2,fine,2
                q3,"a"b,2
                q4,"never closed,2
                q5,fine,2
                q6,"closed, two
                lines later",2
                q7,"a ""quoted"" word",2
                q8,"ends here,2
                q9,x"y,2
                q10,fine,2
                """
        );

        Assert.Equal([2L, 4, 5, 10, 11], receipt.Rejects.Select(reject => reject.Line));
        Assert.All(
            receipt.Rejects,
            reject => Assert.Equal(("admin_name", "has a stray or unclosed quote"), (reject.Column, reject.Reason))
        );
        Assert.Equal(
            "q2 fine|q5 fine|q6 closed, two\nlines later|q7 a \"quoted\" word|q10 fine",
            await Database.ScalarAsync<string>(
                "SELECT string_agg(admin_code || ' ' || admin_name, '|' ORDER BY substr(admin_code, 2)::integer) FROM climate.location_admin WHERE admin_code ~ '^q'"
            )
        );
    }

    [Theory]
    [
        InlineData("\"12,5\""),
        InlineData("127.5-"),
        InlineData("1 2"),
        InlineData("(12)"),
        InlineData("1,2"),
        InlineData("NaN"),
        InlineData("0x1F"),
        InlineData("₩12"),
        InlineData("1e99")
    ]
    public async Task Text_that_is_not_plainly_a_number_is_refused(string text)
    {
        ImportReceipt receipt = await ImportAsync("tamax_data", $"{Months}2051-01,1,{text},1,1,1\n");

        Assert.Equal((0L, 1L), (receipt.Accepted, receipt.Rejected));
    }

    [Theory]
    [
        InlineData("12.5", 12.5f),
        InlineData("-3", -3f),
        InlineData("+4", 4f),
        InlineData("1.25e1", 12.5f),
        InlineData(" 7 ", 7f),
        InlineData("\"8\"", 8f)
    ]
    public async Task Plain_numbers_are_taken(string text, float expected)
    {
        Assert.Equal(1, (await ImportAsync("tamax_data", $"{Months}2052-01,1,{text},1,1,1\n")).Accepted);
        Assert.Equal(
            expected,
            await Database.ScalarAsync<float>("SELECT ssp1 FROM climate.tamax_data WHERE observation_date = '2052-01-01'")
        );
    }

    [Fact]
    public async Task Korean_code_page_text_is_stored_as_it_was_meant()
    {
        Encoding korean = CodePagesEncodingProvider.Instance.GetEncoding(949)!;
        string filler = string.Concat(Enumerable.Range(0, 9000).Select(row => $"f{row},filler,1\n")); // the first Korean letter lies beyond the first block

        ImportReceipt receipt = await ImportAsync(
            "location_admin",
            korean.GetBytes($"{Admin}k1,서울특별시,9\n{filler}k2,\"똠방각하, 뷁\",2\n")
        );

        Assert.Equal(("CP949", 9002L, 0L), (receipt.Encoding, receipt.Accepted, receipt.Rejected));
        Assert.Equal(
            "서울특별시|똠방각하, 뷁",
            await Database.ScalarAsync<string>(
                "SELECT string_agg(admin_name, '|' ORDER BY admin_code) FROM climate.location_admin WHERE admin_code ~ '^k'"
            )
        );
        Assert.Equal("UTF-8", (await ImportAsync("location_admin", $"\uFEFF{Admin}k3,부산,1\n")).Encoding);
        Assert.Contains(
            "neither UTF-8 nor",
            await RefusedAsync("location_admin", [.. Encoding.ASCII.GetBytes(Admin + "k4,"), 0xff, 0xff, .. ",1\n"u8]),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "U+FFFD",
            Assert.Single((await ImportAsync("location_admin", $"{Admin}k5,\uFFFD\uFFFD,1\n")).Rejects).Reason,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [
        InlineData("2030-03-05", true),
        InlineData("20300305", true),
        InlineData("2030-03", false),
        InlineData("01/08/2026", false),
        InlineData("12:00", false),
        InlineData("1 Aug", false),
        InlineData("2030-02-30", false),
        InlineData("9999-01-01", false),
        InlineData("1899-12-31", false),
        InlineData("2030-3-5", false),
        InlineData("203003051200", false)
    ]
    public async Task A_daily_table_takes_days_of_the_calendar_only(string date, bool taken)
    {
        ImportReceipt receipt = await ImportAsync(
            "ta_daily_sgg261",
            $"observation_date,admin_code,ssp1,ssp2,ssp3,ssp5\n{date},11,1,1,1,1\n"
        );

        Assert.Equal(taken ? (1L, 0L) : (0L, 1L), (receipt.Accepted, receipt.Rejected));
    }

    [Theory]
    [
        InlineData("202608011200", "2026-08-01 12:00:00+00"),
        InlineData("2026-08-01T12:00", "2026-08-01 12:00:00+00"),
        InlineData("2026-08-01 21:00:30+09:00", "2026-08-01 12:00:30+00"),
        InlineData("2026-08-01T12:00:00Z", "2026-08-01 12:00:00+00"),
        InlineData("01/08/2026 12:00", null),
        InlineData("12:00", null),
        InlineData("1 Aug", null),
        InlineData("2026-08", null),
        InlineData("202602301200", null),
        InlineData("202608012400", null)
    ]
    public async Task A_time_is_read_as_agencies_write_it_or_refused(string time, string? stored)
    {
        ImportReceipt receipt = await ImportAsync(
            "api_typhoon_track",
            $"year,typ_seq,seq,ft_type,typ_tm,ft_tm,latitude,longitude\n2026,1,1,0,{time},202608020000,20,130\n"
        );

        Assert.Equal(stored is null ? 0 : 1, receipt.Accepted);
        if (stored is not null)
            Assert.Equal(
                stored,
                await Database.ScalarAsync<string>(
                    "SELECT to_char(max(typ_tm) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00' FROM climate.api_typhoon_track"
                )
            );
        await Database.ExecuteAsync("DELETE FROM climate.api_typhoon_track");
    }

    [Fact]
    public async Task A_storm_fix_is_dated_by_the_calendar()
    {
        ImportReceipt receipt = await ImportAsync(
            "api_typhoon_besttrack",
            "tcid,year,month,day,hour,grade,longitude,latitude\n2001,2020,2,29,0,TS,130,20\n2001,2020,2,30,0,TS,130,20\n2001,2021,2,29,0,TS,130,20\n2001,2021,4,31,6,TS,130,20\n"
        );

        Assert.Equal((1L, 3L), (receipt.Accepted, receipt.Rejected));
        Assert.Equal(
            ("day", "30", "is not a day of 2020-02", "That month has 29 days."),
            (receipt.Rejects[0].Column, receipt.Rejects[0].Value, receipt.Rejects[0].Reason, receipt.Rejects[0].Remedy)
        );
    }

    [Fact]
    public async Task A_month_has_one_key_however_a_delivery_dates_it()
    {
        await ImportAsync("rn_data", $"{Months}2050-07-01,1,100,,,\n2050-08,1,50,,,\n");
        await ImportAsync("rn_data", $"{Months}2050-07-16,1,120,,,\n"); // climate models date a month by its middle
        ImportReceipt twice = await ImportAsync("rn_data", $"{Months}205008,1,60,,,\n2050-08-31,1,70,,,\n");

        Assert.Equal((1L, 1L), (twice.Accepted, twice.Rejected));
        Assert.Equal(
            "2050-07-01 120, 2050-08-01 60",
            await Database.ScalarAsync<string>(
                "SELECT string_agg(observation_date || ' ' || ssp1, ', ' ORDER BY observation_date) FROM climate.rn_data"
            )
        );
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() =>
            Database.ExecuteAsync("INSERT INTO climate.rn_data VALUES ('2050-09-16', 1, 1, 1, 1, 1)")
        );
    }

    [Fact]
    public async Task A_year_far_off_is_refused_and_one_that_lies_in_a_table_already_is_named()
    {
        Assert.Equal("is out of range", Assert.Single((await ImportAsync("tamin_data", $"{Months}9999-01,1,1,1,1,1\n")).Rejects).Reason);
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() =>
            Database.ExecuteAsync("INSERT INTO climate.tamin_daily_sgg261 VALUES ('9999-01-01', '11', 1, 1, 1, 1)")
        );
        await Database.ExecuteAsync("ALTER TABLE climate.tamin_daily_sgg261 DROP CONSTRAINT tamin_daily_is_of_1900_to_2100"); // as before there was one
        await Database.ExecuteAsync("INSERT INTO climate.tamin_daily_sgg261 VALUES ('9999-01-01', '11', 1, 1, 1, 1)");

        StrayInputYearException stray = await Assert.ThrowsAsync<StrayInputYearException>(() => Database.Packer.PackAsync());

        Assert.Contains(
            "climate.tamin_daily_sgg261 holds a row outside 1900 to 2100: observation_date 9999-01-01, admin_code 11",
            stray.Message,
            StringComparison.Ordinal
        );
        await Database.ExecuteAsync("DELETE FROM climate.tamin_daily_sgg261");
    }

    [Theory]
    [InlineData("admin_code,admin_name,admin_code\n1,a,2\n", "names admin_code more than once")]
    [InlineData("admin_code,admin_name,ADMIN_NAME\n1,a,2\n", "more than once")]
    [InlineData("admin_code,admin_name,\n1,a,\n", "no name for column 3 of 3")]
    [InlineData("admin_code,\"admin_name\n1,a\n", "quotes of the header")]
    public async Task A_header_that_is_not_plain_is_refused_in_words(string csv, string reason) =>
        Assert.Contains(reason, await RefusedAsync("location_admin", Encoding.UTF8.GetBytes(csv)), StringComparison.Ordinal);

    [Fact]
    public async Task A_source_with_control_characters_is_refused() =>
        await Assert.ThrowsAsync<ImportRefusedException>(() =>
            new CsvImporter(Database.Source, new ImportLimits()).ImportAsync("location_admin", new MemoryStream(Rows(1)), "a\0b")
        );

    [Fact]
    public async Task Two_cells_do_not_share_a_place()
    {
        ImportReceipt receipt = await ImportAsync(
            "location_grid",
            "grid_id,longitude,latitude\n7,127.5,36.5\n8,127.50,36.5\n9,126.97,37.57\n"
        );

        Assert.Equal(
            [(3, "is the same as on line 2"), (4, "belongs to grid_id 1")],
            receipt.Rejects.Select(reject => ((int)reject.Line, reject.Reason))
        );
    }

    [Fact]
    public async Task Limits_refuse_the_file_with_their_number_and_leave_nothing()
    {
        ImportLimits small = new()
        {
            InflatedBytes = 10_000,
            RowCharacters = 1000,
            Rows = 20,
        };
        byte[] endless = Gzip(Encoding.ASCII.GetBytes(Admin + "e1," + new string('x', 9000)));
        byte[] large = Gzip(Encoding.ASCII.GetBytes(Admin + string.Concat(Enumerable.Repeat("e2,a,1\n", 2000))));

        Assert.Contains(
            "Line 2 is longer than 1,000 characters",
            await RefusedAsync("location_admin", endless, small),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "more than 10,000 bytes when inflated",
            await RefusedAsync("location_admin", large, new ImportLimits { InflatedBytes = 10_000 }),
            StringComparison.Ordinal
        );
        Assert.Contains("more than 20 rows", await RefusedAsync("location_admin", Rows(21), small), StringComparison.Ordinal);
        Assert.Equal(20, (await ImportAsync("location_admin", Rows(20), small)).Accepted);
    }

    private static byte[] Rows(int count) =>
        Encoding.ASCII.GetBytes(
            Admin
                + string.Concat(
                    Enumerable
                        .Range(0, count)
                        .Select(row => string.Create(CultureInfo.InvariantCulture, $"r{row},name {row * 7919 % 10007},{row}\n"))
                )
        );

    private static byte[] Gzip(byte[] content)
    {
        MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionMode.Compress, leaveOpen: true))
            gzip.Write(content);
        return packed.ToArray();
    }

    private Task<ImportReceipt> ImportAsync(string table, string csv) => ImportAsync(table, Encoding.UTF8.GetBytes(csv));

    private Task<ImportReceipt> ImportAsync(string table, byte[] file, ImportLimits? limits = null) =>
        new CsvImporter(Database.Source, limits ?? new ImportLimits()).ImportAsync(table, new MemoryStream(file), "test");

    /// <summary>The reason; nothing of the file may be in the table, or in the record of imports.</summary>
    private async Task<string> RefusedAsync(string table, byte[] file, ImportLimits? limits = null)
    {
        string count = $"SELECT (SELECT count(*) FROM climate.{table}) + (SELECT count(*) FROM climate.imports)";
        long before = await Database.ScalarAsync<long>(count);
        ImportRefusedException refused = await Assert.ThrowsAnyAsync<ImportRefusedException>(() => ImportAsync(table, file, limits));
        Assert.Equal(before, await Database.ScalarAsync<long>(count));
        return refused.Message;
    }

    /// <summary>One database for the class, with one cell.</summary>
    public sealed class Warehouse : IAsyncLifetime
    {
        internal ClimateDatabase Database { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Database = await ClimateDatabase.CreateAsync();
            await Database.ExecuteAsync("INSERT INTO climate.location_grid (grid_id, longitude, latitude) VALUES (1, 126.97, 37.57)");
        }

        public async Task DisposeAsync() => await Database.DisposeAsync();
    }
}
