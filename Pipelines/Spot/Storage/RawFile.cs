using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Storage;

/// <summary>The questions of an account.</summary>
/// <param name="Configurations">Names of questions at their capacity, as the account's quota counts them.</param>
public sealed record AccountUse(string Account, IReadOnlyList<string> Configurations);

/// <summary>First line of a raw file: schema, number of rows, and what could not be asked.</summary>
/// <param name="Schema">Name and version of the rows, e.g. <c>spot.scores/1</c>.</param>
/// <param name="Asked">Questions answered; scores only.</param>
public sealed record RawHeader(
    string Schema,
    string Time,
    int Rows,
    IReadOnlyList<Unknown> Unknown,
    int? Capacity = null,
    int Asked = 0,
    IReadOnlyList<AccountUse>? Accounts = null
);

/// <summary>A raw file does not match its name and first line. Permanent.</summary>
public sealed class RawFileException(string message) : Operations.PermanentFailureException(message);

/// <summary>Raw files: gzip, JSON Lines, the header first.</summary>
public static class RawFile
{
    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static byte[] Write<TRow>(RawHeader header, IEnumerable<TRow> rows)
    {
        using MemoryStream bytes = new();
        using (GZipStream zip = new(bytes, CompressionLevel.Fastest))
        using (Utf8JsonWriter writer = new(zip, new JsonWriterOptions { SkipValidation = true }))
        {
            WriteLine(writer, zip, header);
            foreach (TRow row in rows)
                WriteLine(writer, zip, row);
        }

        return bytes.ToArray();
    }

    /// <exception cref="RawFileException">It has another schema, is truncated, or is unreadable.</exception>
    public static (RawHeader Header, List<TRow> Rows) Read<TRow>(byte[] file, string schema, string key)
    {
        try
        {
            using GZipStream zip = new(new MemoryStream(file), CompressionMode.Decompress);
            using StreamReader lines = new(zip);
            RawHeader header =
                JsonSerializer.Deserialize<RawHeader>(lines.ReadLine() ?? "null", Json) ?? throw new RawFileException($"{key} is empty.");
            if (header.Schema != schema)
                throw new RawFileException($"{key} holds {header.Schema}; this version reads {schema}.");
            List<TRow> rows = new(header.Rows);
            while (lines.ReadLine() is { Length: > 0 } line)
                rows.Add(JsonSerializer.Deserialize<TRow>(line, Json)!);
            return rows.Count == header.Rows
                ? (header, rows)
                : throw new RawFileException($"{key} says {header.Rows} rows and holds {rows.Count}.");
        }
        catch (Exception error) when (error is JsonException or InvalidDataException)
        {
            throw new RawFileException($"{key} cannot be read: {error.Message}");
        }
    }

    private static void WriteLine<T>(Utf8JsonWriter writer, Stream stream, T value)
    {
        JsonSerializer.Serialize(writer, value, Json);
        writer.Flush();
        stream.WriteByte((byte)'\n');
        writer.Reset();
    }
}
