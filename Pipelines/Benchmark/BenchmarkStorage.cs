using System.Security.Cryptography;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Operations.Aws;
using Durable.Operations.Plans;
using Durable.Pipelines.Benchmark.Data;
using Durable.Pipelines.Benchmark.Results;

namespace Durable.Pipelines.Benchmark;

/// <summary>The bucket: data sets, scripts and results of jobs. An S3 error is an error, never "not there".</summary>
public sealed class BenchmarkStorage(IAmazonS3 s3, BenchmarkOptions options)
{
    private const int DataSeed = 42;

    private const string Manifest = "manifest.json",
        HeldOut = "held-out/labels.npy";

    private sealed record StoredFile(string Sha256, string ETag, long Bytes);

    private sealed record StoredData(PreparedData Data, IReadOnlyDictionary<string, StoredFile> Files);

    public string Uri(string key) => $"s3://{options.Bucket}/{key}";

    /// <summary>Hash of the data a model would get now; a text that says so when they are missing.</summary>
    /// <exception cref="DataSetMissingException">The files of MNIST are not in the bucket; permanent.</exception>
    public async Task<string> DataHashAsync(string dataSet, CancellationToken cancellationToken = default)
    {
        if (dataSet == DataSetNames.Tabular)
            return Fingerprints.Of("tabular, construction 1", FormattableString.Invariant($"{options.TabularRows} rows, seed {DataSeed}"));
        Dictionary<string, S3Object> found = (await ListAsync(options.MnistPrefix + "/", cancellationToken)).ToDictionary(file => file.Key);
        string[] absent = [.. MnistFiles.Names.Where(name => !found.ContainsKey($"{options.MnistPrefix}/{name}"))];
        if (absent.Length > 0)
            throw new DataSetMissingException(
                $"{Uri(options.MnistPrefix + "/")} lacks {string.Join(", ", absent)}: "
                    + "upload MNIST's four files there, or set Benchmark__MnistPrefix."
            );
        return Fingerprints.Of([
            "mnist, split 1",
            .. MnistFiles.Names.Select(name => found[$"{options.MnistPrefix}/{name}"]).Select(file => $"{file.ETag} {file.Size}"),
        ]);
    }

    /// <summary>Uploads a data set once; a set with all files unchanged is reused.</summary>
    /// <remarks>Safe to run twice and concurrently: the same bytes go to the same names, and the manifest comes last.</remarks>
    /// <exception cref="DataSetMissingException">Its source is missing; permanent.</exception>
    public async Task<PreparedData> PrepareAsync(string dataSet, CancellationToken cancellationToken = default)
    {
        string hash = await DataHashAsync(dataSet, cancellationToken),
            prefix = $"{options.Prefix}/data/{dataSet}-{hash}/";
        if (await ReadManifestAsync(prefix, cancellationToken) is { } stored && await IsWholeAsync(prefix, stored, cancellationToken))
            return stored.Data;

        DataSplit split =
            dataSet == DataSetNames.Tabular
                ? GeneratedTable.Make(options.TabularRows, DataSeed)
                : MnistFiles.Read(await ReadMnistAsync(cancellationToken));
        Dictionary<string, StoredFile> files = [];
        foreach ((string name, byte[] content) in split.Files.Append(KeyValuePair.Create(HeldOut, split.HeldOut)))
        {
            PutObjectResponse put = await PutAsync(prefix + name, content, cancellationToken);
            files[name] = new StoredFile(Convert.ToHexStringLower(SHA256.HashData(content)), put.ETag, content.Length);
        }

        PreparedData data = new(split.Name, hash, prefix, split.TrainRows, split.ValidationRows, split.TestRows, split.Classes);
        await PutAsync(prefix + Manifest, JsonSerializer.SerializeToUtf8Bytes(new StoredData(data, files)), cancellationToken);
        return data;
    }

    /// <summary>Labels of the test rows. Jobs never get them.</summary>
    /// <exception cref="ModelOutputException">They are not the prepared ones.</exception>
    public async Task<int[]> ReadHeldOutAsync(string dataSet, string hash, CancellationToken cancellationToken = default)
    {
        string prefix = $"{options.Prefix}/data/{dataSet}-{hash}/";
        byte[] labels = await ReadAsync(prefix + HeldOut, cancellationToken);
        if (
            await ReadManifestAsync(prefix, cancellationToken) is not { } stored
            || stored.Files[HeldOut].Sha256 != Convert.ToHexStringLower(SHA256.HashData(labels))
        )
            throw new ModelOutputException("the held-out labels are not those that were prepared");
        return NpyFile.ReadVector(labels);
    }

    /// <summary>The local scripts; their content hash decides their key. Uploads nothing.</summary>
    /// <exception cref="DirectoryNotFoundException">The setting <c>Benchmark__JobsDirectory</c> names no folder with them.</exception>
    public (string Hash, byte[] Archive) ReadCode()
    {
        string[] folders = [.. new[] { "training", "benchmark" }.Select(name => Path.Combine(options.JobsDirectory, name))];
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } absent)
            throw new DirectoryNotFoundException($"Benchmark__JobsDirectory: there is no folder {absent}.");
        Dictionary<string, byte[]> files = folders
            .SelectMany(folder => Directory.GetFiles(folder, "*.py"))
            .ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);
        string hash = Fingerprints.Of(
            files
                .OrderBy(file => file.Key, StringComparer.Ordinal)
                .Select(file => $"{file.Key} {Convert.ToHexStringLower(SHA256.HashData(file.Value))}")
        );
        return (hash, ModelArchive.Write(files));
    }

    /// <summary>Uploads the scripts under their hash. Safe to call twice.</summary>
    /// <returns>Their URI, for a job.</returns>
    public async Task<string> UploadCodeAsync(CancellationToken cancellationToken = default)
    {
        (string hash, byte[] archive) = ReadCode();
        string key = $"{options.Prefix}/code/{hash}/sourcedir.tar.gz";
        if ((await ListAsync(key, cancellationToken)).Count == 0)
            await PutAsync(key, archive, cancellationToken);
        return Uri(key);
    }

    /// <summary>An archive left by a job, by its URI.</summary>
    /// <exception cref="ModelOutputException">It is missing, in another bucket, or broken.</exception>
    public async Task<IReadOnlyDictionary<string, byte[]>> ReadArchiveAsync(string uri, CancellationToken cancellationToken = default)
    {
        string root = Uri("");
        if (!uri.StartsWith(root, StringComparison.Ordinal))
            throw new ModelOutputException($"{uri} is not in the bucket {options.Bucket}");
        try
        {
            return ModelArchive.Read(new MemoryStream(await ReadAsync(uri[root.Length..], cancellationToken)));
        }
        catch (AmazonS3Exception absent) when (absent.ErrorCode is "NoSuchKey" or "NotFound")
        {
            throw new ModelOutputException($"{uri} is not there");
        }
    }

    public string OutputPrefix(string runId) => $"{options.Prefix}/runs/{runId.Replace('/', '-')}";

    private async Task<IReadOnlyList<byte[]>> ReadMnistAsync(CancellationToken cancellationToken)
    {
        List<byte[]> files = [];
        foreach (string name in MnistFiles.Names)
            files.Add(await ReadAsync($"{options.MnistPrefix}/{name}", cancellationToken));
        return files;
    }

    private async Task<StoredData?> ReadManifestAsync(string prefix, CancellationToken cancellationToken)
    {
        try
        {
            return JsonSerializer.Deserialize<StoredData>(await ReadAsync(prefix + Manifest, cancellationToken));
        }
        catch (Exception none) when (none is AmazonS3Exception { ErrorCode: "NoSuchKey" or "NotFound" } or JsonException)
        {
            return null;
        }
    }

    private async Task<bool> IsWholeAsync(string prefix, StoredData stored, CancellationToken cancellationToken)
    {
        Dictionary<string, S3Object> found = (await ListAsync(prefix, cancellationToken)).ToDictionary(file => file.Key[prefix.Length..]);
        return stored.Files.All(file =>
            found.TryGetValue(file.Key, out S3Object? there) && there.ETag == file.Value.ETag && there.Size == file.Value.Bytes
        );
    }

    private Task<byte[]> ReadAsync(string key, CancellationToken cancellationToken) =>
        s3.ReadBytesAsync(options.Bucket, key, cancellationToken);

    private Task<IReadOnlyList<S3Object>> ListAsync(string prefix, CancellationToken cancellationToken) =>
        s3.ListAllAsync(options.Bucket, prefix, cancellationToken);

    private Task<PutObjectResponse> PutAsync(string key, byte[] bytes, CancellationToken cancellationToken) =>
        s3.WriteBytesAsync(options.Bucket, key, bytes, cancellationToken);
}
