using System.Buffers.Binary;
using System.Text;

namespace Durable.Operations.Remote;

/// <summary>The host keys of one machine, from a <c>known_hosts</c> file with plain (not hashed) names.</summary>
internal sealed class KnownHosts
{
    private readonly List<byte[]> keys = [];

    /// <summary>Reads the keys of a name.</summary>
    /// <exception cref="IOException">The file does not exist.</exception>
    public static async Task<KnownHosts> ReadAsync(string path, string name, CancellationToken cancellationToken)
    {
        KnownHosts known = new();
        await foreach (string line in File.ReadLinesAsync(path, cancellationToken))
        {
            string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries); // names, type, key, comment
            if (words.Length < 3 || words[0][0] is '#' or '@' || !words[0].Split(',').Contains(name, StringComparer.Ordinal))
                continue;
            byte[] key = new byte[words[2].Length];
            if (Convert.TryFromBase64String(words[2], key, out int length))
                known.keys.Add(key[..length]);
        }

        return known;
    }

    public bool Contains(ReadOnlySpan<byte> key)
    {
        foreach (byte[] one in keys)
        {
            if (key.SequenceEqual(one))
                return true;
        }

        return false;
    }

    /// <summary>Keeps only the algorithms whose key is known, so that the server does not offer another key; all when none is
    /// known.</summary>
    public void Restrict<T>(IDictionary<string, T> algorithms)
    {
        HashSet<string> types = [.. keys.Select(Type)];
        if (types.Count == 0)
            return;
        foreach (
            string algorithm in algorithms
                .Keys.Where(algorithm =>
                    !types.Contains(algorithm.StartsWith("rsa-sha2-", StringComparison.Ordinal) ? "ssh-rsa" : algorithm)
                )
                .ToArray()
        )
            algorithms.Remove(algorithm);
    }

    // A key starts with its type: length in four bytes, then text (RFC 4253, 6.6).
    private static string Type(byte[] key) =>
        key.Length > 4 && BinaryPrimitives.ReadInt32BigEndian(key) is > 0 and var length && length <= key.Length - 4
            ? Encoding.ASCII.GetString(key, 4, length)
            : "";
}
