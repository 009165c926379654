using System.Security.Cryptography;
using System.Text.Json;

namespace Durable.Host.Http;

/// <summary>Generated keys as stored in the file: JSON, readable only by its owner.</summary>
internal sealed record KeyFile(string Master, string System, string Host)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Reads the file, or creates it with new 256-bit keys. Several hosts may start at once: the first one's keys win.</summary>
    /// <exception cref="InvalidOperationException">The file holds no keys, or cannot be created; the message says what to do.</exception>
    public static KeyFile Open(string path)
    {
        try
        {
            if (!File.Exists(path) && TryCreate(path) is { } created)
                return created;
            Close(path);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new InvalidOperationException(
                $"The host's keys cannot be kept in {path} ({e.Message}). "
                    + "Let the host write there, or set Keys__master, Keys__host__default and Keys__system__durabletask_extension."
            );
        }

        long started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (Read(path) is { } keys)
                return keys;
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new InvalidOperationException(
                    $"{path} holds no complete set of keys; delete it to generate new ones, or set Keys__master and the others."
                );
            }
            Thread.Sleep(20); // another host has created the file and is about to fill it
        }
    }

    // Copying or editing may have made the file readable to others.
    private static void Close(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~OwnerOnly) != 0)
            File.SetUnixFileMode(path, OwnerOnly);
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
            return null; // the parser's message could contain a key
        }
    }

    private static KeyFile? TryCreate(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
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

    // URL-safe, because links carry a key as ?code=.
    private static string New() =>
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    // A record's ToString prints its members; keys must never reach a log.
    private bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append("three keys");
        return true;
    }
}
