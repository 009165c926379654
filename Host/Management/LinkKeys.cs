using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Durable.Host.Http;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Management;

/// <summary>
/// The <c>code</c> of an instance's links. The official host uses the system key, which opens and lists every instance of the hub. Scoped
/// links carry their own key, valid only for that instance's routes: an HMAC-SHA256 over the instance id with a secret derived from the
/// system key. Changing the system key invalidates them all.
/// </summary>
/// <remarks>
/// Settings: <c>Durable__ScopedLinks</c> (default true; false: links carry the system key where keys are required, else none),
/// <c>Durable__ScopedLinkLifetime</c> (a time span of 1 s to 10 years; default 30 days, so that an old link does not open what later takes
/// the same id). A value that cannot be read stops the start.
/// </remarks>
internal sealed class LinkKeys
{
    private const char Mark = 'i';
    private static readonly TimeSpan UsualLife = TimeSpan.FromDays(30);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(3653);

    private readonly IWebhookAuthorization authorization;
    private readonly TimeProvider time;
    private readonly bool scoped;
    private readonly TimeSpan lifetime;

    /// <exception cref="InvalidOperationException">A setting cannot be read or is out of range.</exception>
    public LinkKeys(IWebhookAuthorization authorization, IConfiguration configuration, TimeProvider time)
    {
        this.authorization = authorization;
        this.time = time;
        this.scoped = configuration.GetValue("Durable:ScopedLinks", true);
        lifetime = configuration.GetValue("Durable:ScopedLinkLifetime", UsualLife);
        if (lifetime < TimeSpan.FromSeconds(1) || lifetime > LongestLife)
            throw new InvalidOperationException(
                $"Durable__ScopedLinkLifetime is {lifetime}: give a time span from 00:00:01 to 10 years, or leave it out for 30 days."
            );
    }

    /// <summary>The code for links to an instance; null when links need none.</summary>
    public string? CodeFor(string instanceId)
    {
        if (this.authorization.SystemKey is not { } systemKey)
            return null;
        if (!this.scoped)
            return HubCode;
        long expires = (this.time.GetUtcNow() + lifetime).ToUnixTimeSeconds();
        return string.Create(CultureInfo.InvariantCulture, $"{Mark}{expires}.{Sign(systemKey, instanceId, expires)}");
    }

    /// <summary>The code of every link when links are not scoped; null when they are. Also null when keys are not required: such a host
    /// would give the system key to everybody on the machine.</summary>
    public string? HubCode => !this.scoped && this.authorization.KeysRequired ? this.authorization.SystemKey : null;

    /// <summary>Whether <paramref name="key"/> is an unexpired scoped key of this instance.</summary>
    public bool Opens(string? key, string instanceId)
    {
        int dot = key?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        if (
            dot < 2
            || key![0] != Mark
            || this.authorization.SystemKey is not { } systemKey
            || !long.TryParse(key.AsSpan(1, dot - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long expires)
        )
            return false;
        bool genuine = CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(Sign(systemKey, instanceId, expires)),
            Encoding.UTF8.GetBytes(key[(dot + 1)..])
        );
        return genuine && this.time.GetUtcNow().ToUnixTimeSeconds() < expires;
    }

    private static string Sign(string systemKey, string instanceId, long expires)
    {
        byte[] secret = HMACSHA256.HashData(Encoding.UTF8.GetBytes(systemKey), "durable instance links"u8);
        string signed = string.Create(CultureInfo.InvariantCulture, $"{expires}\n{instanceId}");
        return Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(signed)));
    }
}
