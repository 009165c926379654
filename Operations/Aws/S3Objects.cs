using Amazon.S3;
using Amazon.S3.Model;

namespace Durable.Operations.Aws;

/// <summary>Listings that go to their end.</summary>
internal static class S3Listing
{
    /// <summary>Every object under a prefix, however many pages that takes.</summary>
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
}
