using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Durable.Pipelines.Benchmark.Results;

/// <summary>The archives a job leaves on S3.</summary>
internal static class ModelArchive
{
    private const long LargestFile = 1L << 30;

    /// <summary>The files of a tar.gz by name.</summary>
    /// <exception cref="ModelOutputException">It is not a tar.gz, or a file in it is larger than 1 GB.</exception>
    public static IReadOnlyDictionary<string, byte[]> Read(Stream archive)
    {
        Dictionary<string, byte[]> files = [];
        try
        {
            using GZipStream plain = new(archive, CompressionMode.Decompress);
            using TarReader tar = new(plain);
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.DataStream is null)
                    continue;
                if (entry.Length > LargestFile)
                    throw new ModelOutputException($"{entry.Name} is larger than 1 GB");
                using MemoryStream content = new();
                entry.DataStream.CopyTo(content);
                files[entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name] = content.ToArray();
            }
        }
        catch (Exception broken) when (broken is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new ModelOutputException($"the archive is broken ({broken.Message})");
        }

        return files;
    }

    /// <summary>A deterministic tar.gz: the same files give the same bytes, so its hash identifies them.</summary>
    public static byte[] Write(IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        using MemoryStream archive = new();
        using (GZipStream packed = new(archive, CompressionLevel.Optimal, leaveOpen: true))
        using (TarWriter tar = new(packed, TarEntryFormat.Ustar))
        {
            foreach ((string name, byte[] content) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
                tar.WriteEntry(
                    new UstarTarEntry(TarEntryType.RegularFile, name)
                    {
                        DataStream = new MemoryStream(content),
                        ModificationTime = DateTimeOffset.UnixEpoch,
                        Mode = (UnixFileMode)0b110_100_100,
                    }
                );
        }

        return archive.ToArray();
    }

    /// <summary>Compares the model's files with the checksums that the job wrote after training.</summary>
    /// <exception cref="ModelOutputException">A file is missing, new or changed: the model was altered after training.</exception>
    public static void Verify(IReadOnlyDictionary<string, byte[]> model, IReadOnlyList<ModelFile> expected)
    {
        foreach (ModelFile file in expected)
        {
            if (!model.TryGetValue(file.Name, out byte[]? content))
                throw new ModelOutputException($"{file.Name} is not in the model's archive");
            if (Convert.ToHexStringLower(SHA256.HashData(content)) != file.Sha256)
                throw new ModelOutputException($"{file.Name} is not the file that was trained: its SHA-256 is another");
        }

        if (model.Keys.Except(expected.Select(file => file.Name)).FirstOrDefault() is { } foreign)
            throw new ModelOutputException($"{foreign} is in the model's archive and was not written by the training");
    }
}
