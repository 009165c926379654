using Amazon.S3;
using Amazon.S3.Model;
using Durable.Pipelines.Pothole;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Pothole;

/// <summary>The bucket on the sandbox's S3.</summary>
public sealed class PotholeStorageTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    private const string Partition = "stage1/dt=2026-02-12/";

    private static readonly StageWork Stage = new(
        "stage1",
        "stage1/main.py",
        "",
        "runs/dt=2026-02-12/",
        "",
        [],
        TimeSpan.FromMinutes(1),
        "f"
    );

    private readonly string bucket = $"pothole-{Guid.NewGuid():N}";
    private AmazonS3Client s3 = null!;
    private PotholeStorage storage = null!;

    public async Task InitializeAsync()
    {
        await sandbox.CreateBucketAsync(bucket);
        s3 = sandbox.S3(retries: 0);
        storage = new PotholeStorage(s3, new PotholeOptions { Bucket = bucket });
    }

    public Task DisposeAsync()
    {
        s3.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Empty_temporary_and_hidden_files_are_no_data()
    {
        await PutAsync("raw/dt=2026-02-12/_temporary/0/part-0.parquet", "half");
        await PutAsync("raw/dt=2026-02-12/.part.parquet", "x");
        await PutAsync("raw/dt=2026-02-12/_SUCCESS", "");
        await PutAsync("raw/dt=2026-02-12/empty.parquet", "");
        await PutAsync("raw/dt=2026-02-12/notes.txt", "x");
        await PutAsync("raw/dt=2026-02-121/other-day.parquet", "x");

        Assert.Empty((await storage.ListAsync(PotholeStorage.Partition("raw", "2026-02-12"))).Data);

        await PutAsync("raw/dt=2026-02-12/merged_0000.parquet", "rows");
        Listing found = await storage.ListAsync(PotholeStorage.Partition("raw", "2026-02-12"));
        Assert.Equal((1, 4L, true), (found.Data.Count, found.Bytes, found.IsComplete));
    }

    [Fact]
    public async Task More_files_than_a_page_holds_are_all_seen()
    {
        await Parallel.ForAsync(
            0,
            1003,
            new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (number, _) => await PutAsync($"many/dt=2026-02-12/{number:D4}.parquet", "x")
        );

        Assert.Equal(1003, (await storage.ListAsync("many/dt=2026-02-12/")).Data.Count);
    }

    [Fact]
    public async Task A_bucket_that_may_not_be_read_or_is_not_there_is_an_error_and_not_an_empty_day()
    {
        PotholeStorage nowhere = new(s3, new PotholeOptions { Bucket = bucket + "-no" });
        Assert.Equal(
            "NoSuchBucket",
            (await Assert.ThrowsAsync<NoSuchBucketException>(() => nowhere.ListAsync("raw/dt=2026-02-12/"))).ErrorCode
        );

        await sandbox.FaultAsync("s3", "ListObjectsV2", "denied");
        try
        {
            AmazonS3Exception denied = await Assert.ThrowsAnyAsync<AmazonS3Exception>(() => storage.ListAsync("raw/dt=2026-02-12/"));
            Assert.Equal(System.Net.HttpStatusCode.Forbidden, denied.StatusCode);
        }
        finally
        {
            await sandbox.ClearFaultsAsync();
        }
    }

    [Fact]
    public async Task An_object_too_large_for_one_copy_is_copied_in_parts_or_not_at_all()
    {
        const int Part = 5 << 20; // the smallest that S3 takes
        byte[] content = new byte[2 * Part + 12_345];
        new Random(1).NextBytes(content);
        await AttemptAsync("job.1");
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = bucket,
                Key = "runs/dt=2026-02-12/job.1/part-9.parquet",
                InputStream = new MemoryStream(content),
            }
        );
        PotholeStorage small = new(s3, new PotholeOptions { Bucket = bucket }) { LargestCopy = Part, PartBytes = Part };

        await sandbox.FaultAsync("s3", "UploadPartCopy", "500");
        try
        {
            await Assert.ThrowsAnyAsync<AmazonS3Exception>(() => small.PublishAsync(Stage, "job.1", Partition));
        }
        finally
        {
            await sandbox.ClearFaultsAsync();
        }

        Assert.Empty((await s3.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = bucket })).MultipartUploads ?? []);
        await small.PublishAsync(Stage, "job.1", Partition);
        using GetObjectResponse copied = await s3.GetObjectAsync(bucket, Partition + "part-9.parquet");
        using MemoryStream got = new();
        await copied.ResponseStream.CopyToAsync(got);
        Assert.Equal(content, got.ToArray());
        Assert.EndsWith("-3\"", copied.ETag, StringComparison.Ordinal); // of three parts
    }

    [Fact]
    public async Task Published_output_replaces_the_old_one_and_a_swap_that_died_is_finished_by_the_next()
    {
        await PutAsync(Partition + "stale.parquet", "old");
        await PutAsync(Partition + "part-0.parquet", "old");
        await PutAsync(Partition + "_SUCCESS", "");
        await AttemptAsync("job.2");
        await PutAsync("runs/dt=2026-02-12/job.1/part-9.parquet", "of an attempt that was killed");

        await sandbox.FaultAsync("s3", "CopyObject", "500"); // dies with the first file
        try
        {
            await Assert.ThrowsAnyAsync<AmazonS3Exception>(() => storage.PublishAsync(Stage, "job.2", Partition));
        }
        finally
        {
            await sandbox.ClearFaultsAsync();
        }

        Assert.False((await storage.ListAsync(Partition)).IsComplete); // nobody takes the half for the whole
        await storage.PublishAsync(Stage, "job.2", Partition);
        await storage.PublishAsync(Stage, "job.2", Partition); // a repeated activity

        ListObjectsV2Response all = await s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, Prefix = Partition });
        Assert.Equal(
            ["_SUCCESS", "_metrics.json", "part-0.parquet"],
            all.S3Objects.Select(file => file.Key[Partition.Length..]).Order(StringComparer.Ordinal)
        );
        Assert.Equal("new", await storage.ReadAsync(Partition + "part-0.parquet"));
    }

    [Fact]
    public async Task An_attempt_without_its_mark_or_its_data_is_not_taken_for_done()
    {
        await AttemptAsync("good");
        Assert.Equal(7, (await storage.ReadMetricsAsync(Stage, "good")).GetProperty("rows_out").GetInt32());

        await PutAsync("runs/dt=2026-02-12/no-mark/part-0.parquet", "x");
        await PutAsync("runs/dt=2026-02-12/no-data/_SUCCESS", "");
        foreach (string job in (string[])["no-mark", "no-data", "never-was"])
            await Assert.ThrowsAsync<StageOutputException>(() => storage.ReadMetricsAsync(Stage, job));
    }

    [Fact]
    public async Task Code_lies_under_the_hash_of_its_content_and_other_content_under_another()
    {
        string folder = Directory.CreateTempSubdirectory("jobs-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "stage1"));
            await File.WriteAllTextAsync(Path.Combine(folder, "stage1", "main.py"), "print(1)");
            PotholeStorage code = new(s3, new PotholeOptions { Bucket = bucket, JobsDirectory = folder });
            CodeBundle first = await code.UploadCodeAsync();
            Assert.Equal(first, await code.UploadCodeAsync());
            await File.WriteAllTextAsync(Path.Combine(folder, "stage1", "main.py"), "print(2)");
            CodeBundle second = await code.UploadCodeAsync();

            Assert.NotEqual(first.Hash, second.Hash);
            Assert.Equal("print(1)", await code.ReadAsync(first.Prefix + "stage1/main.py")); // a run under way keeps its version
            Assert.Equal("print(2)", await code.ReadAsync(second.Prefix + "stage1/main.py"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task AttemptAsync(string job)
    {
        await PutAsync($"runs/dt=2026-02-12/{job}/part-0.parquet", "new");
        await PutAsync($"runs/dt=2026-02-12/{job}/_metrics.json", """{"rows_out": 7}""");
        await PutAsync($"runs/dt=2026-02-12/{job}/_SUCCESS", "");
    }

    private Task PutAsync(string key, string content) =>
        s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = bucket,
                Key = key,
                ContentBody = content,
            }
        );
}
