using System.Security.Cryptography;
using System.Text.Json;

namespace Durable.Host.Http;

/// <summary>Generated keys as they lie in the file: JSON, readable by its owner only.</summary>
internal sealed record KeyFile(string Master, string System, string Host)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Reads the file, or makes it with fresh keys of 256 bits. Several hosts may start at once: the first one's keys win.</summary>
    /// <exception cref="InvalidOperationException">The file holds no keys; delete it to have new ones made.</exception>
    public static KeyFile Open(string path)
    {
        if (!File.Exists(path) && TryCreate(path) is { } created)
            return created;
        for (long started = TimeProvider.System.GetTimestamp(); ;)
        {
            if (Read(path) is { } keys)
                return keys;
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new InvalidOperationException(
                    $"{path} holds no complete set of keys; delete it to have new ones made, or set Keys__master and the others.");
            }
            Thread.Sleep(20); // another host has created the file and is about to fill it
        }
    }

    private static KeyFile? Read(string path)
    {
        try
        {
            KeyFile? keys = JsonSerializer.Deserialize<KeyFile>(File.ReadAllText(path), JsonSerializerOptions.Web);
            return keys is { Master.Length: > 0, System.Length: > 0, Host.Length: > 0 } ? keys : null;
        }
        catch (JsonException)
        {
            return null; // the parser's message could quote a key
        }
    }

    private static KeyFile? TryCreate(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.ReadWrite };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using FileStream stream = new(path, options);
            KeyFile keys = new(New(), New(), New());
            JsonSerializer.Serialize(stream, keys, JsonSerializerOptions.Web);
            return keys;
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    // URL-safe, because a key travels as ?code=.
    private static string New() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    // A record prints its members; these must never reach a log.
    private bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append("three keys");
        return true;
    }
}
