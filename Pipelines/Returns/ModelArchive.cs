using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Durable.Operations;

namespace Durable.Pipelines.Returns;

/// <summary>A model archive is not one of the training script. Permanent.</summary>
public sealed class ModelArchiveException(string message) : PermanentFailureException(message);

/// <summary>The used parts of a <c>model.tar.gz</c>. The rest, in particular pickled weights, is never read.</summary>
/// <param name="Onnx">The network.</param>
/// <param name="Metadata">Shape and metrics, as the script wrote them.</param>
public sealed record ModelArchive(byte[] Onnx, JsonElement Metadata)
{
    private const int MostEntries = 64;
    private const long MostBytes = 64 << 20; // of all unpacked content; the network has 0.7 MB

    /// <summary>Reads an archive in memory; nothing is ever unpacked to disk.</summary>
    /// <exception cref="ModelArchiveException">Damaged, too large, an entry outside its folder, a link, or a missing or duplicate
    /// part.</exception>
    public static ModelArchive Read(byte[] archive)
    {
        Dictionary<string, byte[]> parts = [];
        try
        {
            using TarReader tar = new(new Limited(new GZipStream(new MemoryStream(archive), CompressionMode.Decompress), MostBytes));
            int entries = 0;
            while (tar.GetNextEntry() is { } entry)
            {
                if (++entries > MostEntries)
                    throw new ModelArchiveException($"The model archive has more than {MostEntries} entries.");
                string name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                if (name.StartsWith('/') || name.Contains('\\') || name.Split('/').Contains(".."))
                    throw new ModelArchiveException($"The model archive has an entry outside its folder: '{Shown(name)}'.");
                if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
                    continue;
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
                    throw new ModelArchiveException($"The model archive has a {entry.EntryType}: '{Shown(name)}'.");
                if (name is not ("model.onnx" or "metadata.json"))
                    continue;
                using MemoryStream bytes = new();
                entry.DataStream?.CopyTo(bytes);
                if (!parts.TryAdd(name, bytes.ToArray()))
                    throw new ModelArchiveException($"The model archive has {name} twice.");
            }
        }
        catch (Exception error)
            when (error is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or IOException)
        {
            throw new ModelArchiveException($"The model archive cannot be read: {error.Message}");
        }

        return new ModelArchive(Part(parts, "model.onnx"), Checked(Part(parts, "metadata.json")));
    }

    /// <summary>A number of the script's metrics; null when it is absent or not a number.</summary>
    public double? Metric(string name) =>
        Metadata.TryGetProperty("metrics", out JsonElement metrics)
        && metrics.ValueKind == JsonValueKind.Object
        && metrics.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : null;

    private static byte[] Part(Dictionary<string, byte[]> parts, string name) =>
        parts.GetValueOrDefault(name) ?? throw new ModelArchiveException($"The model archive has no {name}.");

    private static JsonElement Checked(byte[] json)
    {
        try
        {
            JsonElement metadata = JsonSerializer.Deserialize<JsonElement>(json);
            bool fits =
                metadata.GetProperty("feature_dim").GetInt32() == ReturnsShape.Features
                && metadata
                    .GetProperty("target_cols")
                    .EnumerateArray()
                    .Select(column => column.GetString())
                    .SequenceEqual(ReturnsShape.Targets);
            return fits ? metadata : throw new ModelArchiveException("metadata.json names other features or targets than this pipeline's.");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new ModelArchiveException($"metadata.json of the model archive is invalid: {error.Message}");
        }
    }

    private static string Shown(string name) => new([.. name.Take(80).Select(sign => char.IsControl(sign) ? '?' : sign)]);

    /// <summary>Fails once more than the limit was read: a small archive may unpack to a very large one.</summary>
    private sealed class Limited(Stream inner, long limit) : Stream
    {
        private long read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int count = inner.Read(buffer);
            read += count;
            return read <= limit ? count : throw new ModelArchiveException($"The model archive unpacks to more than {limit >> 20} MB.");
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
