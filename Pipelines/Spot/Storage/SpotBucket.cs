using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Operations.Aws;

namespace Durable.Pipelines.Spot.Storage;

/// <summary>An object with the ETag needed to replace exactly that version.</summary>
public sealed record StoredObject(byte[] Bytes, string ETag, IReadOnlyDictionary<string, string> Metadata);

/// <summary>The bucket. An S3 error is an error, never "not there"; raw files are written once and never changed.</summary>
public class SpotBucket(IAmazonS3 s3, SpotOptions options)
{
    /// <summary>Writes an object that must not exist yet.</summary>
    /// <returns>False when it existed, even if this call wrote it and the answer was lost.</returns>
    public virtual async Task<bool> TryCreateAsync(string key, byte[] bytes, CancellationToken cancellationToken = default)
    {
        try
        {
            await s3.PutObjectAsync(Put(key, bytes, request => request.IfNoneMatch = "*"), cancellationToken);
            return true;
        }
        catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            // 412: it exists. 409: a concurrent writer; the next reader sees one of the two, complete.
            if (error.StatusCode == HttpStatusCode.Conflict && await ReadAsync(key, cancellationToken) is null)
                throw;
            return false;
        }
    }

    /// <summary>Replaces the version that was read; null: none.</summary>
    /// <returns>False when another writer was faster.</returns>
    public virtual async Task<bool> TryReplaceAsync(
        string key,
        byte[] bytes,
        string? etag,
        IReadOnlyDictionary<string, string> metadata,
        string contentType,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            PutObjectRequest request = Put(
                key,
                bytes,
                put => (put.IfNoneMatch, put.IfMatch, put.ContentType) = (etag is null ? "*" : null, etag, contentType)
            );
            foreach ((string name, string value) in metadata)
                request.Metadata[name] = value;
            await s3.PutObjectAsync(request, cancellationToken);
            return true;
        }
        catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            return false;
        }
    }

    public virtual Task WriteAsync(string key, byte[] bytes, CancellationToken cancellationToken = default) =>
        s3.PutObjectAsync(Put(key, bytes, _ => { }), cancellationToken);

    /// <summary>Deletes an object; nothing happens when it is not there.</summary>
    public virtual Task DeleteAsync(string key, CancellationToken cancellationToken = default) =>
        s3.DeleteObjectAsync(options.Bucket, key, cancellationToken);

    /// <summary>Null only when S3 reports that the object does not exist.</summary>
    public virtual async Task<StoredObject?> ReadAsync(string key, CancellationToken cancellationToken = default)
    {
        try
        {
            using GetObjectResponse found = await s3.GetObjectAsync(options.Bucket, key, cancellationToken);
            return new StoredObject(
                await found.ReadBytesAsync(cancellationToken),
                found.ETag,
                found.Metadata.Keys.ToDictionary(
                    name => name.Replace("x-amz-meta-", "", StringComparison.Ordinal),
                    name => found.Metadata[name]
                )
            );
        }
        catch (AmazonS3Exception error) when (error.ErrorCode == "NoSuchKey")
        {
            return null;
        }
    }

    /// <exception cref="RawFileException">It is not there.</exception>
    public async Task<byte[]> NeedAsync(string key, CancellationToken cancellationToken = default) =>
        (await ReadAsync(key, cancellationToken))?.Bytes ?? throw new RawFileException($"s3://{options.Bucket}/{key} is not there.");

    /// <summary>Keys of a prefix, in order.</summary>
    public virtual async Task<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        [.. (await s3.ListAllAsync(options.Bucket, prefix, cancellationToken)).Select(found => found.Key)];

    private PutObjectRequest Put(string key, byte[] bytes, Action<PutObjectRequest> set)
    {
        PutObjectRequest request = new()
        {
            BucketName = options.Bucket,
            Key = key,
            InputStream = new MemoryStream(bytes),
        };
        set(request);
        return request;
    }
}
