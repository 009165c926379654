using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Durable.Tests.Cli;

namespace Durable.Tests.Functions;

/// <summary>The importer from outside: over HTTP and by the command line, on the embedded host.</summary>
public sealed class ClimateImportTests(ClimateImportTests.App fixture) : IClassFixture<ClimateImportTests.App>
{
    private const string Route = "/api/climate/import/location_admin";
    private const string Admin = "admin_code,admin_name,population\n";

    private AppProcess Host => fixture.Host;

    [Fact]
    public async Task A_posted_file_is_imported_and_its_refused_rows_are_listed()
    {
        (HttpStatusCode status, JsonElement receipt) = await Host.UploadAsync(
            Route + "?source=survey",
            Encoding.UTF8.GetBytes($"{Admin}h1,Jeju,1\nh2,Busan,\"3,4\"\n")
        );

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(
            (1, 1, "survey"),
            (
                receipt.GetProperty("accepted").GetInt32(),
                receipt.GetProperty("rejected").GetInt32(),
                receipt.GetProperty("source").GetString()
            )
        );
        JsonElement reject = receipt.GetProperty("rejects")[0];
        Assert.Equal(
            (3, "population", "3,4", "is not a whole number", "Write a whole number in digits, such as 12."),
            (
                reject.GetProperty("line").GetInt32(),
                reject.GetProperty("column").GetString(),
                reject.GetProperty("value").GetString(),
                reject.GetProperty("reason").GetString(),
                reject.GetProperty("remedy").GetString()
            )
        );
    }

    [Fact]
    public async Task What_cannot_be_read_is_refused_with_a_reason_and_never_a_500()
    {
        byte[] packed = Gzip(
            Encoding.UTF8.GetBytes(Admin + string.Concat(Enumerable.Range(0, 500).Select(row => $"x{row},{row * 7919 % 1009},1\n")))
        );
        byte[] flipped = [.. packed];
        flipped[packed.Length / 2] ^= 4;
        (string Path, byte[] Body, string Type, HttpStatusCode Status)[] cases =
        [
            (Route, packed[..(packed.Length / 2)], "application/gzip", HttpStatusCode.BadRequest),
            (Route, flipped, "application/gzip", HttpStatusCode.BadRequest),
            (Route, [], "text/csv", HttpStatusCode.BadRequest),
            (Route + "?source=a%00b", Encoding.UTF8.GetBytes(Admin), "text/csv", HttpStatusCode.BadRequest),
            (Route, "admin_code,admin_name,admin_name\n"u8.ToArray(), "text/csv", HttpStatusCode.BadRequest),
            ("/api/climate/import/pg_class", Encoding.UTF8.GetBytes(Admin), "text/csv", HttpStatusCode.BadRequest),
            (
                Route,
                Gzip([.. Encoding.UTF8.GetBytes(Admin + "x1,"), .. Enumerable.Repeat((byte)'x', 1_000_000)]),
                "application/gzip",
                HttpStatusCode.RequestEntityTooLarge
            ),
            (
                Route,
                Encoding.UTF8.GetBytes("--b\r\n\r\nx\r\n--b--"),
                "multipart/form-data; boundary=b",
                HttpStatusCode.UnsupportedMediaType
            ),
        ];

        foreach ((string path, byte[] body, string type, HttpStatusCode expected) in cases)
        {
            (HttpStatusCode status, JsonElement answer) = await Host.UploadAsync(path, body, type);
            Assert.Equal(expected, status);
            Assert.NotEmpty(answer.GetProperty("error").GetString()!);
        }

        JsonElement found = (await Host.UploadAsync(Route, Encoding.UTF8.GetBytes(Admin))).Body; // the header alone
        Assert.Equal((0, 0), (found.GetProperty("accepted").GetInt32(), found.GetProperty("rejected").GetInt32()));
    }

    [Fact]
    public async Task A_delivery_may_be_larger_than_other_requests()
    {
        byte[] large = [.. Encoding.UTF8.GetBytes(Admin + "l1,Incheon,3\n"), .. Enumerable.Repeat((byte)'\n', 11 << 20)]; // other routes take 10 MB

        (HttpStatusCode status, JsonElement receipt) = await Host.UploadAsync(Route, large);

        Assert.Equal((HttpStatusCode.OK, 1), (status, receipt.GetProperty("accepted").GetInt32()));
    }

    [Fact]
    public async Task The_command_imports_a_file_into_the_table_it_is_named_after_and_shows_what_was_refused()
    {
        string directory = Directory.CreateTempSubdirectory("durable-import-").FullName;
        try
        {
            string file = Path.Combine(directory, "location_admin.2026-08.csv.gz");
            await File.WriteAllBytesAsync(file, Gzip(Encoding.UTF8.GetBytes(Admin + "c1,Daegu,5\nc2,Ul\"san,6\n")));

            CliCall call = await CliCall.RunAsync(["climate", "import", file, "--url", Host.Url]);

            Assert.Equal(1, call.ExitCode); // a row was refused
            Assert.Contains("location_admin: 1 rows imported, 1 refused", call.Out, StringComparison.Ordinal);
            Assert.Contains(
                "line 3: admin_name 'Ul\"san' has a stray or unclosed quote. Put quotes around",
                call.Out,
                StringComparison.Ordinal
            );

            await File.WriteAllBytesAsync(file, Encoding.UTF8.GetBytes(Admin + "c3,Sejong,7\n"));
            Assert.Equal(0, (await CliCall.RunAsync(["climate", "import", file, "--output", "json", "--url", Host.Url])).ExitCode);
            CliCall refused = await CliCall.RunAsync(["climate", "import", file, "--table", "no_such", "--url", Host.Url]);
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains("no_such", refused.Error, StringComparison.Ordinal);
            Assert.Equal(
                2,
                (await CliCall.RunAsync(["climate", "import", Path.Combine(directory, "absent.csv"), "--url", Host.Url])).ExitCode
            );
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Imported_tables_are_packed_over_HTTP()
    {
        await Host.UploadAsync("/api/climate/import/location_grid", "grid_id,longitude,latitude\n1,126.97,37.57\n"u8.ToArray());
        await Host.UploadAsync("/api/climate/import/rx1day_data", "year,grid_id,ssp1,ssp2,ssp3,ssp5\n2050,1,100,110,120,130\n"u8.ToArray());

        (HttpStatusCode status, JsonElement started) = await Host.PostAsync("/api/climate/pack");
        JsonElement packed = await Host.WaitAsync(started.GetProperty("Id").GetString()!);

        Assert.Equal((HttpStatusCode.Accepted, "Completed"), (status, packed.GetProperty("runtimeStatus").GetString()));
        Assert.Equal(
            (1, 4L),
            (packed.GetProperty("output").GetProperty("Cells").GetInt32(), packed.GetProperty("output").GetProperty("Values").GetInt64())
        );
    }

    private static byte[] Gzip(byte[] content)
    {
        MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionMode.Compress, leaveOpen: true))
            gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>One app for the class.</summary>
    public sealed class App : IAsyncLifetime
    {
        internal AppProcess Host { get; private set; } = null!;

        public async Task InitializeAsync() => Host = await AppProcess.StartAsync();

        public async Task DisposeAsync() => await Host.DisposeAsync();
    }
}
