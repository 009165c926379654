using Amazon.S3;
using Amazon.S3.Model;

namespace Durable.Operations.Aws;

/// <summary>Complete listings and small objects.</summary>
internal static class S3Objects
{
    /// <summary>Every object under a prefix, over all pages.</summary>
    /// <exception cref="AmazonS3Exception">Access denied, expired credentials, no such bucket: not the same as empty.</exception>
    public static async Task<IReadOnlyList<S3Object>> ListAllAsync(
        this IAmazonS3 s3,
        string bucket,
        string prefix,
        CancellationToken cancellationToken
    )
    {
        List<S3Object> all = [];
        ListObjectsV2Request request = new() { BucketName = bucket, Prefix = prefix };
        do
        {
            ListObjectsV2Response page = await s3.ListObjectsV2Async(request, cancellationToken);
            all.AddRange(page.S3Objects ?? []);
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        } while (request.ContinuationToken is not null);
        return all;
    }

    /// <summary>An object that fits into memory.</summary>
    /// <exception cref="AmazonS3Exception">It does not exist or cannot be read.</exception>
    public static async Task<byte[]> ReadBytesAsync(this IAmazonS3 s3, string bucket, string key, CancellationToken cancellationToken)
    {
        using GetObjectResponse found = await s3.GetObjectAsync(bucket, key, cancellationToken);
        return await found.ReadBytesAsync(cancellationToken);
    }

    /// <summary>The content of a response that fits into memory.</summary>
    public static async Task<byte[]> ReadBytesAsync(this GetObjectResponse found, CancellationToken cancellationToken)
    {
        using MemoryStream content = new();
        await found.ResponseStream.CopyToAsync(content, cancellationToken);
        return content.ToArray();
    }

    /// <summary>Writes an object, replacing any existing one.</summary>
    public static Task<PutObjectResponse> WriteBytesAsync(
        this IAmazonS3 s3,
        string bucket,
        string key,
        byte[] bytes,
        CancellationToken cancellationToken
    ) =>
        s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = bucket,
                Key = key,
                InputStream = new MemoryStream(bytes),
            },
            cancellationToken
        );
}
