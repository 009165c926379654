using System.Buffers.Text;
using System.Text;

namespace Durable.Host.Store;

/// <summary>Continuation tokens of listings: opaque; they contain the last instance id of the previous page.</summary>
internal static class PageToken
{
    private const string Prefix = "p1.";

    /// <summary>The token of the page after <paramref name="lastInstanceId"/>; null on the last page.</summary>
    public static string? Write(string? lastInstanceId) =>
        lastInstanceId is null ? null : Prefix + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(lastInstanceId));

    /// <summary>Reads a token. An absent or empty one means the first page.</summary>
    /// <returns>False for a token that this host did not write.</returns>
    public static bool TryRead(string? token, out string? lastInstanceId)
    {
        lastInstanceId = null;
        if (string.IsNullOrEmpty(token))
            return true;
        if (!token.StartsWith(Prefix, StringComparison.Ordinal) || !Base64Url.IsValid(token.AsSpan(Prefix.Length)))
            return false;
        lastInstanceId = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.AsSpan(Prefix.Length)));
        return InstanceIds.IsStorable(lastInstanceId);
    }
}
