using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Http;

/// <summary>What a request's key opens, from least to most.</summary>
internal enum KeyRank
{
    /// <summary>No key, or one that is unknown.</summary>
    None,

    /// <summary>The function's own key or a host key: functions of level Function.</summary>
    Function,

    /// <summary>The durable extension's system key: its webhooks.</summary>
    System,

    /// <summary>The master key: everything.</summary>
    Master,
}

/// <summary>
/// The host's keys. Settings come first: <c>Keys__master</c>, <c>Keys__host__{name}</c>, <c>Keys__function__{function}</c> (or
/// <c>Keys__function__{function}__{name}</c>), <c>Keys__system__durabletask_extension</c>. Missing master, system and default host keys are
/// generated at the first start and kept in a file that only its owner can read. Keys are compared in constant time and never logged.
/// </summary>
internal sealed class HostKeys
{
    /// <summary>Name of the system key of the durable webhooks.</summary>
    public const string DurableKey = "durabletask_extension";

    private readonly IConfiguration settings;
    private readonly Lazy<KeyFile> file;

    /// <param name="configuration">Settings of the host.</param>
    /// <param name="keyFile">Full path of the file for generated keys; used only when a key is missing from the settings.</param>
    public HostKeys(IConfiguration configuration, string keyFile)
    {
        this.settings = configuration.GetSection("Keys");
        this.file = new Lazy<KeyFile>(() => KeyFile.Open(keyFile));
    }

    /// <summary>Opens everything.</summary>
    public string Master => Setting("master") ?? this.file.Value.Master;

    /// <summary>Opens the management webhooks; it is the <c>code</c> in their links.</summary>
    public string DurableSystem => Setting($"system:{DurableKey}") ?? this.file.Value.System;

    /// <summary>Opens every function of level Function.</summary>
    public string HostDefault => Setting("host:default") ?? this.file.Value.Host;

    /// <summary>Creates the file of generated keys if one is needed, so that the owner finds the keys before the first request.</summary>
    /// <exception cref="InvalidOperationException">The file cannot be created or holds no keys.</exception>
    public void Prepare() => _ = (Master, DurableSystem, HostDefault);

    /// <summary>The key a request carries: the header <c>x-functions-key</c>, else the query's <c>code</c>.</summary>
    public static string? Presented(HttpRequest request)
    {
        string? key = request.Headers["x-functions-key"];
        if (string.IsNullOrEmpty(key))
            key = request.Query["code"];
        return string.IsNullOrEmpty(key) ? null : key;
    }

    /// <summary>Ranks a key. <paramref name="function"/> names the function whose own keys count; null counts host keys only.</summary>
    public KeyRank Rank(string? key, string? function = null)
    {
        if (key is null)
            return KeyRank.None;
        byte[] hash = Hash(key);
        if (Same(hash, Master))
            return KeyRank.Master;
        if (Same(hash, DurableSystem))
            return KeyRank.System;
        bool opensFunction =
            Same(hash, HostDefault)
            || Values("host").Any(k => Same(hash, k))
            || (function is not null ? Values($"function:{function}") : Values("function")).Any(k => Same(hash, k));
        return opensFunction ? KeyRank.Function : KeyRank.None;
    }

    private string? Setting(string key) => this.settings[key] is { Length: > 0 } value ? value : null;

    private IEnumerable<string> Values(string section) =>
        this.settings.GetSection(section).AsEnumerable().Select(p => p.Value).OfType<string>().Where(v => v.Length > 0);

    // Hashes have one length, so the comparison does not reveal the key's length.
    private static bool Same(byte[] hash, string key) => CryptographicOperations.FixedTimeEquals(hash, Hash(key));

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
