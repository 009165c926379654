using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Operations;
using Durable.Operations.Aws;
using Durable.Operations.Plans;

namespace Durable.Pipelines.Pothole;

/// <summary>Data files of a prefix: non-empty Parquet that is neither temporary nor hidden.</summary>
/// <param name="Fingerprint">Changes when a file does.</param>
public sealed record Listing(IReadOnlyList<S3Object> Data, bool IsComplete, string Fingerprint)
{
    public long Bytes => Data.Sum(file => file.Size ?? 0);
}

/// <summary>The stages' code in the bucket.</summary>
public sealed record CodeBundle(string Hash, string Prefix);

/// <summary>A stage succeeded, but its output is incomplete. Permanent.</summary>
public sealed class StageOutputException(string message) : PermanentFailureException(message);

/// <summary>The bucket: listings, the code, and the swap of a stage's output. An S3 error is an error, never "not there".</summary>
public sealed class PotholeStorage(IAmazonS3 s3, PotholeOptions options)
{
    private static readonly string[] NotOnTheCluster = ["sample", "evaluation", "__pycache__"];

    /// <summary>Largest object that S3 copies in one call, 5 GB; larger ones are copied in parts.</summary>
    internal long LargestCopy { get; init; } = 5L << 30;

    /// <summary>Size of a part, 5 MiB to 5 GiB.</summary>
    internal long PartBytes { get; init; } = 512L << 20;

    private const int PartsAtOnce = 4;

    private const string Success = "_SUCCESS",
        Metrics = "_metrics.json",
        Manifest = "MANIFEST.sha256";

    /// <summary>Partition of a day, with a final slash.</summary>
    public static string Partition(string prefix, string date) => $"{S3Names.Checked(prefix)}/dt={date}/";

    public string Uri(string key, string scheme = "s3a") => $"{scheme}://{options.Bucket}/{key}";

    /// <summary>Lists a prefix over all pages.</summary>
    /// <exception cref="AmazonS3Exception">Access denied, expired credentials, no such bucket: not the same as empty.</exception>
    public async Task<Listing> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<S3Object> all = await ListAllAsync(prefix, cancellationToken);
        S3Object[] data =
        [
            .. all.Where(file =>
                    file.Size > 0 && file.Key.EndsWith(".parquet", StringComparison.Ordinal) && !IsHidden(file.Key[prefix.Length..])
                )
                .OrderBy(file => file.Key, StringComparer.Ordinal),
        ];
        string facts = string.Join(
            '\n',
            data.Select(file => FormattableString.Invariant($"{file.Key[prefix.Length..]} {file.Size} {file.ETag}"))
        );
        return new Listing(data, all.Any(file => file.Key == prefix + Success), Fingerprints.Of(facts));
    }

    /// <summary>The stages' local code; its content hash decides its key. Uploads nothing.</summary>
    /// <exception cref="DirectoryNotFoundException">The setting <c>Pothole__JobsDirectory</c> names no folder.</exception>
    public CodeBundle ReadCode()
    {
        string hash = Hash(Encoding.UTF8.GetBytes(ManifestOf(CodeFiles())))[..16];
        return new CodeBundle(hash, $"{S3Names.Checked(options.CodePrefix)}/{hash}/");
    }

    /// <summary>Uploads the stages' code. The manifest comes last: where it exists, everything does. Safe to call twice and
    /// concurrently.</summary>
    public async Task<CodeBundle> UploadCodeAsync(CancellationToken cancellationToken = default)
    {
        CodeBundle bundle = ReadCode();
        if ((await ListAllAsync(bundle.Prefix + Manifest, cancellationToken)).Count > 0)
            return bundle;
        IReadOnlyList<CodeFile> files = CodeFiles();
        foreach (CodeFile file in files)
            await PutAsync(bundle.Prefix + file.Name, file.Bytes, cancellationToken);
        await PutAsync(bundle.Prefix + Manifest, Encoding.UTF8.GetBytes(ManifestOf(files)), cancellationToken);
        return bundle;
    }

    /// <summary>The attempt's metrics, after checking that its output is complete.</summary>
    /// <exception cref="StageOutputException">No data, no <c>_SUCCESS</c> or no metrics.</exception>
    public async Task<JsonElement> ReadMetricsAsync(StageWork stage, string jobId, CancellationToken cancellationToken = default)
    {
        string prefix = AttemptPrefix(stage, jobId);
        Listing listing = await ListAsync(prefix, cancellationToken);
        if (!listing.IsComplete || listing.Data.Count == 0)
            throw new StageOutputException(
                $"{stage.Name} ended well, "
                    + $"but {Uri(prefix, "s3")} has {listing.Data.Count} data files and {(listing.IsComplete ? "a" : "no")} {Success}."
            );
        return JsonSerializer.Deserialize<JsonElement>(await ReadAsync(prefix + Metrics, cancellationToken));
    }

    /// <summary>Swaps an attempt's output into the day's partition: removes the old mark, copies data, removes stale data, writes the new
    /// mark.</summary>
    /// <remarks>Readers of marked partitions see the old or the new data, never a mix. Safe to run twice and to be killed
    /// anywhere.</remarks>
    public async Task PublishAsync(StageWork stage, string jobId, string partition, CancellationToken cancellationToken = default)
    {
        string source = AttemptPrefix(stage, jobId);
        IReadOnlyList<S3Object> fresh = [.. (await ListAllAsync(source, cancellationToken)).Where(file => file.Key != source + Success)];
        HashSet<string> names = [.. fresh.Select(file => file.Key[source.Length..])];
        await s3.DeleteObjectAsync(options.Bucket, partition + Success, cancellationToken);
        foreach (S3Object file in fresh)
            await CopyAsync(file, partition + file.Key[source.Length..], cancellationToken);
        foreach (
            S3Object stale in (await ListAllAsync(partition, cancellationToken)).Where(file =>
                !names.Contains(file.Key[partition.Length..])
            )
        )
            await s3.DeleteObjectAsync(options.Bucket, stale.Key, cancellationToken);
        await PutAsync(partition + Success, [], cancellationToken);
    }

    private async Task CopyAsync(S3Object file, string target, CancellationToken cancellationToken)
    {
        if ((file.Size ?? 0) <= LargestCopy)
        {
            await s3.CopyObjectAsync(options.Bucket, file.Key, options.Bucket, target, cancellationToken);
            return;
        }

        string upload = (await s3.InitiateMultipartUploadAsync(options.Bucket, target, cancellationToken)).UploadId;
        try
        {
            long size = file.Size!.Value;
            PartETag[] parts = new PartETag[(size + PartBytes - 1) / PartBytes];
            await Parallel.ForAsync(
                0,
                parts.Length,
                new ParallelOptions { MaxDegreeOfParallelism = PartsAtOnce, CancellationToken = cancellationToken },
                async (part, token) =>
                {
                    CopyPartResponse copied = await s3.CopyPartAsync(
                        new CopyPartRequest
                        {
                            SourceBucket = options.Bucket,
                            SourceKey = file.Key,
                            DestinationBucket = options.Bucket,
                            DestinationKey = target,
                            UploadId = upload,
                            PartNumber = part + 1,
                            FirstByte = part * PartBytes,
                            LastByte = Math.Min((part + 1) * PartBytes, size) - 1,
                            ETagToMatch = [file.ETag], // never mixes two versions of the file
                        },
                        token
                    );
                    parts[part] = new PartETag(part + 1, copied.ETag);
                }
            );
            await s3.CompleteMultipartUploadAsync(
                new CompleteMultipartUploadRequest
                {
                    BucketName = options.Bucket,
                    Key = target,
                    UploadId = upload,
                    PartETags = [.. parts],
                },
                cancellationToken
            );
        }
        catch
        {
            // Incomplete uploads are billed until aborted.
            await s3.AbortMultipartUploadAsync(options.Bucket, target, upload, CancellationToken.None);
            throw;
        }
    }

    /// <summary>An object as text.</summary>
    public async Task<string> ReadAsync(string key, CancellationToken cancellationToken = default)
    {
        using GetObjectResponse found = await s3.GetObjectAsync(options.Bucket, key, cancellationToken);
        using StreamReader reader = new(found.ResponseStream, Encoding.UTF8);
        return await reader.ReadToEndAsync(cancellationToken);
    }

    private static string AttemptPrefix(StageWork stage, string jobId) => $"{stage.RunPrefix}{S3Names.Checked(jobId)}/";

    private IReadOnlyList<CodeFile> CodeFiles()
    {
        string root = Path.GetFullPath(options.JobsDirectory);
        if (!Directory.Exists(root))
            throw new DirectoryNotFoundException($"Pothole__JobsDirectory is '{options.JobsDirectory}': there is no such folder.");
        return
        [
            .. Directory
                .EnumerateFiles(root, "*", SearchOption.AllDirectories)
                .Select(path => (Name: Path.GetRelativePath(root, path).Replace('\\', '/'), Path: path))
                .Where(file => S3Names.IsKey(file.Name) && !file.Name.Split('/').Any(NotOnTheCluster.Contains))
                .OrderBy(file => file.Name, StringComparer.Ordinal)
                .Select(file => new CodeFile(file.Name, File.ReadAllBytes(file.Path))),
        ];
    }

    private static string ManifestOf(IReadOnlyList<CodeFile> files) =>
        string.Concat(files.Select(file => $"{Hash(file.Bytes)}  {file.Name}\n"));

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private sealed record CodeFile(string Name, byte[] Bytes);

    private static bool IsHidden(string relative) => relative.Split('/').Any(part => part.StartsWith('_') || part.StartsWith('.'));

    private Task<IReadOnlyList<S3Object>> ListAllAsync(string prefix, CancellationToken cancellationToken) =>
        s3.ListAllAsync(options.Bucket, prefix, cancellationToken);

    private Task PutAsync(string key, byte[] bytes, CancellationToken cancellationToken) =>
        s3.WriteBytesAsync(options.Bucket, key, bytes, cancellationToken);
}
