using System.Security.Cryptography;
using System.Text;

namespace Durable.Operations.Plans;

/// <summary>Short content hashes: the same inputs and options give the same 16 hex digits on every machine.</summary>
internal static class Fingerprints
{
    public static string Of(params IEnumerable<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))))[..16];
}
