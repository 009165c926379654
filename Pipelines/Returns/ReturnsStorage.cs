using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Operations;
using Durable.Operations.Aws;

namespace Durable.Pipelines.Returns;

/// <summary>A training set in the bucket.</summary>
/// <param name="RunTs">Time of the run that wrote it, in the form of its key.</param>
/// <param name="TrainUri">The Parquet file.</param>
/// <param name="Sha256">Of the Parquet file.</param>
public sealed record TrainingSet(
    string RunTs,
    string TrainUri,
    int RowCount,
    int FeatureDim,
    string GeneratedAt,
    string Sha256,
    int SchemaVersion
)
{
    /// <summary>The folder of the file, a training job's input.</summary>
    public string Folder => TrainUri[..(TrainUri.LastIndexOf('/') + 1)];
}

/// <summary>The served model: the content of <c>model/latest.json</c>.</summary>
/// <param name="ModelUri">The archive, which never changes.</param>
/// <param name="Version">Time of the run that trained it.</param>
/// <param name="Sha256">Of the archive.</param>
/// <param name="PreviousVersion">The model served before; null: none.</param>
public sealed record ModelPointer(
    string ModelUri,
    string Version,
    string Sha256,
    string JobName,
    string TrainUri,
    string UpdatedAt,
    double? TestMse,
    string? PreviousVersion
);

/// <summary>A pointer with its ETag, which a change must name.</summary>
public sealed record ServedPointer(ModelPointer Pointer, string ETag);

/// <summary>The pointer to the served model was moved since it was read.</summary>
public sealed class PointerMovedException(string bucket, string key)
    : PermanentFailureException(
        $"s3://{bucket}/{key} was changed meanwhile by another run; the model was judged against one that is no longer served."
    );

/// <summary>An object differs from the record. Permanent.</summary>
public sealed class ObjectChangedException(string uri, string expected, string found)
    : PermanentFailureException($"{uri} has sha256 {found}, on record is {expected}.");

/// <summary>The bucket: training sets, the training code, models and the pointer to the served one. An S3 error is an error, never "not
/// there".</summary>
public sealed class ReturnsStorage(IAmazonS3 s3, ReturnsOptions options)
{
    private static readonly JsonSerializerOptions Snake = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    private string TrainLatest => $"{options.TrainPrefix}/latest.json";

    private string ModelLatest => $"{options.ModelPrefix}/latest.json";

    public string Uri(string key) => $"s3://{options.Bucket}/{key}";

    /// <summary>Key of a run's training set.</summary>
    public string TrainKey(string runTs, string file = "train.parquet") => $"{options.TrainPrefix}/run_ts={runTs}/{file}";

    /// <summary>Key of a run's published model.</summary>
    public string ModelKey(string version) => $"{options.ModelPrefix}/run_ts={version}/model.tar.gz";

    /// <summary>Prefix of a training job's output.</summary>
    public string JobOutputUri(string runTs) => Uri($"{options.ModelPrefix}/jobs/run_ts={runTs}");

    /// <summary>Stores a training set, files first, the pointer to the latest last. Safe to repeat.</summary>
    public async Task<TrainingSet> PublishTrainingSetAsync(
        string runTs,
        DateTime generatedUtc,
        int rows,
        string parquet,
        string? npy,
        CancellationToken cancellationToken = default
    )
    {
        string sha256;
        await using (FileStream file = File.OpenRead(parquet))
            sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = options.Bucket,
                Key = TrainKey(runTs),
                FilePath = parquet,
            },
            cancellationToken
        );
        if (npy is not null)
            await s3.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = options.Bucket,
                    Key = TrainKey(runTs, "train.npy"),
                    FilePath = npy,
                },
                cancellationToken
            );
        TrainingSet set = new(
            runTs,
            Uri(TrainKey(runTs)),
            rows,
            ReturnsShape.Features,
            generatedUtc.ToString("O"),
            sha256,
            TrainingSetFile.SchemaVersion
        );
        await PutAsync(TrainLatest, JsonSerializer.SerializeToUtf8Bytes(set, Snake), cancellationToken);
        return set;
    }

    /// <summary>The latest training set; null when there is none yet.</summary>
    public async Task<TrainingSet?> ReadTrainingSetAsync(CancellationToken cancellationToken = default) =>
        await FindAsync(TrainLatest, cancellationToken) is { } found ? JsonSerializer.Deserialize<TrainingSet>(found.Bytes, Snake) : null;

    /// <summary>Downloads the Parquet file of a training set.</summary>
    /// <exception cref="ObjectChangedException">It is not the recorded file.</exception>
    public async Task DownloadAsync(TrainingSet set, string path, CancellationToken cancellationToken = default)
    {
        using (GetObjectResponse found = await s3.GetObjectAsync(options.Bucket, KeyOf(set.TrainUri), cancellationToken))
            await found.WriteResponseStreamToFileAsync(path, append: false, cancellationToken);
        await using FileStream file = File.OpenRead(path);
        string sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
        if (sha256 != set.Sha256)
            throw new ObjectChangedException(set.TrainUri, set.Sha256, sha256);
    }

    /// <summary>Uploads the training code under its content hash. Safe to call twice and concurrently.</summary>
    /// <returns>URI of the bundle.</returns>
    /// <exception cref="DirectoryNotFoundException">The setting <c>Returns__JobsDirectory</c> names no folder with the scripts.</exception>
    public async Task<string> UploadCodeAsync(CancellationToken cancellationToken = default)
    {
        byte[] bundle = Bundle();
        string key = $"{options.CodePrefix}/{Convert.ToHexStringLower(SHA256.HashData(bundle))[..16]}/sourcedir.tar.gz";
        await PutAsync(key, bundle, cancellationToken);
        return Uri(key);
    }

    /// <summary>A small object of this bucket, read completely.</summary>
    public Task<byte[]> ReadAsync(string uri, CancellationToken cancellationToken = default) =>
        s3.ReadBytesAsync(options.Bucket, KeyOf(uri), cancellationToken);

    /// <summary>Stores a judged archive under its version. It never changes: the same bytes again are accepted, others are
    /// refused.</summary>
    /// <exception cref="ObjectChangedException">Another archive has this version.</exception>
    public async Task StoreModelAsync(string version, byte[] archive, CancellationToken cancellationToken = default)
    {
        string key = ModelKey(version),
            sha256 = Hash(archive);
        try
        {
            await s3.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = options.Bucket,
                    Key = key,
                    InputStream = new MemoryStream(archive),
                    IfNoneMatch = "*",
                },
                cancellationToken
            );
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.PreconditionFailed)
        {
            string found = Hash(await ReadAsync(Uri(key), cancellationToken));
            if (found != sha256)
                throw new ObjectChangedException(Uri(key), sha256, found);
        }
    }

    /// <summary>The pointer to the served model; null when none has been published.</summary>
    public async Task<ServedPointer?> ReadPointerAsync(CancellationToken cancellationToken = default) =>
        await FindAsync(ModelLatest, cancellationToken) is { } found
            ? new ServedPointer(JsonSerializer.Deserialize<ModelPointer>(found.Bytes, Snake)!, found.ETag)
            : null;

    /// <summary>Replaces the pointer that was read by another. Safe to repeat: an equal pointer is no change.</summary>
    /// <param name="from">ETag of the pointer that was read; null: none.</param>
    /// <exception cref="PointerMovedException">It has changed since.</exception>
    public async Task MovePointerAsync(ModelPointer to, string? from, CancellationToken cancellationToken = default)
    {
        PutObjectRequest put = new()
        {
            BucketName = options.Bucket,
            Key = ModelLatest,
            InputStream = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(to, Snake)),
            ContentType = "application/json",
        };
        if (from is null)
            put.IfNoneMatch = "*";
        else
            put.IfMatch = from;
        try
        {
            await s3.PutObjectAsync(put, cancellationToken);
        }
        catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            // Our own first attempt, whose answer was lost, is not a conflict.
            if ((await ReadPointerAsync(cancellationToken))?.Pointer.Sha256 != to.Sha256)
                throw new PointerMovedException(options.Bucket, ModelLatest);
        }
    }

    public static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <exception cref="ArgumentException">The URI names another bucket.</exception>
    private string KeyOf(string uri)
    {
        string prefix = $"s3://{options.Bucket}/";
        return uri.StartsWith(prefix, StringComparison.Ordinal)
            ? uri[prefix.Length..]
            : throw new ArgumentException($"{uri} is not in the bucket {options.Bucket}.");
    }

    private async Task<(byte[] Bytes, string ETag)?> FindAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            using GetObjectResponse found = await s3.GetObjectAsync(options.Bucket, key, cancellationToken);
            return (await found.ReadBytesAsync(cancellationToken), found.ETag);
        }
        catch (AmazonS3Exception error) when (error.ErrorCode == "NoSuchKey")
        {
            return null;
        }
    }

    private Task PutAsync(string key, byte[] bytes, CancellationToken cancellationToken) =>
        s3.WriteBytesAsync(options.Bucket, key, bytes, cancellationToken);

    /// <summary>The scripts as one archive; the same files give the same bytes.</summary>
    private byte[] Bundle()
    {
        string root = Path.GetFullPath(options.JobsDirectory);
        (string Folder, string Prefix)[] parts = [(Path.Combine(root, "returns"), ""), (Path.Combine(root, "training"), "training/")];
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Optimal, leaveOpen: true))
        using (TarWriter tar = new(gzip, TarEntryFormat.Ustar))
        {
            foreach ((string folder, string prefix) in parts)
            {
                if (!Directory.Exists(folder))
                    throw new DirectoryNotFoundException(
                        $"Returns__JobsDirectory is '{options.JobsDirectory}': there is no folder {folder}."
                    );
                foreach (string path in Directory.EnumerateFiles(folder, "*.py").Order(StringComparer.Ordinal))
                {
                    tar.WriteEntry(
                        new UstarTarEntry(TarEntryType.RegularFile, prefix + Path.GetFileName(path))
                        {
                            DataStream = new MemoryStream(File.ReadAllBytes(path)),
                            ModificationTime = DateTimeOffset.UnixEpoch,
                            Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
                        }
                    );
                }
            }
        }

        return bytes.ToArray();
    }
}
