using System.IO.Compression;

namespace Durable.Tests.Fixtures;

/// <summary>Real data that lies beside the repository on some machines and is never part of it.</summary>
internal static class SharedData
{
    private static readonly string? Root = Find();

    public static bool Has(string path) => Root is not null && Path.Exists(Path.Combine(Root, path));

    public static string PathOf(string path) =>
        Path.Combine(Root ?? throw new InvalidOperationException("The shared data folder is absent."), path);

    /// <summary>Lines of a file, gunzipped when its name ends in .gz.</summary>
    public static IEnumerable<string> Lines(string path)
    {
        using Stream file = File.OpenRead(PathOf(path));
        using Stream plain = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using StreamReader reader = new(plain);
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("DURABLE_SHARED_DATA") is { Length: > 0 } named)
            return named;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "..", "shared", "data");
            if (File.Exists(Path.Combine(folder.FullName, "Durable.sln")) && Directory.Exists(candidate))
                return Path.GetFullPath(candidate);
        }

        return null;
    }
}

/// <summary>A test that needs a file of the shared data; skipped, by name, where it is absent.</summary>
public class SharedDataFactAttribute : FactAttribute
{
    public SharedDataFactAttribute(string path)
    {
        if (!SharedData.Has(path))
            Skip = $"needs shared data: {path}";
    }
}
