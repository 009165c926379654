using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Data;

/// <summary>The files of MNIST are missing or invalid.</summary>
public sealed class DataSetMissingException(string message) : PermanentFailureException(message);

/// <summary>MNIST's four gzipped IDX files (http://yann.lecun.com/exdb/mnist): big-endian, images 0x803, labels 0x801.</summary>
/// <remarks>The last tenth of the training rows is for validation (of the original: 54,000 and 6,000); all test rows are kept.</remarks>
internal static class MnistFiles
{
    public static readonly IReadOnlyList<string> Names =
    [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ];

    private const int Images = 0x803,
        Labels = 0x801,
        Side = 28;

    /// <summary>MD5 of the original test images, unpacked: other data in this format get another name.</summary>
    private const string OriginalTestImages = "2646ac647ad5339dbf082846283269ea";

    /// <param name="gzipped">The four files in the order of <see cref="Names"/>.</param>
    /// <exception cref="DataSetMissingException">A file is not in the format, or the two of a pair differ in length.</exception>
    public static DataSplit Read(IReadOnlyList<byte[]> gzipped)
    {
        byte[][] files = [.. gzipped.Select((file, at) => Unpack(file, Names[at]))];
        ReadOnlyMemory<byte> images = Body(files[0], Images, Names[0]),
            testImages = Body(files[2], Images, Names[2]);
        int[] labels = Classes(files[1], Names[1]),
            testLabels = Classes(files[3], Names[3]);
        int rows = images.Length / (Side * Side),
            tests = testImages.Length / (Side * Side),
            train = rows - (rows / 10);
        if (rows != labels.Length || tests != testLabels.Length || rows < 20 || tests < 10)
            throw new DataSetMissingException(
                $"MNIST has {rows} training images and {labels.Length} labels, {tests} test images and {testLabels.Length} labels."
            );
        string name = Convert.ToHexStringLower(MD5.HashData(files[2])) == OriginalTestImages ? DataSetNames.Mnist : "mnist-format";
        return new DataSplit(
            name,
            train,
            rows - train,
            tests,
            10,
            new Dictionary<string, byte[]>
            {
                ["train/features.npy"] = Part(images, 0, train),
                ["train/labels.npy"] = NpyFile.Write(labels.AsSpan(0, train), train),
                ["validation/features.npy"] = Part(images, train, rows - train),
                ["validation/labels.npy"] = NpyFile.Write(labels.AsSpan(train), rows - train),
                ["test/features.npy"] = Part(testImages, 0, tests),
            },
            NpyFile.Write(testLabels.AsSpan(), tests)
        );
    }

    private static byte[] Part(ReadOnlyMemory<byte> images, int first, int rows) =>
        NpyFile.Write(images.Span.Slice(first * Side * Side, rows * Side * Side), rows, Side, Side);

    private static int[] Classes(byte[] file, string name)
    {
        ReadOnlyMemory<byte> body = Body(file, Labels, name);
        int[] classes = [.. body.ToArray().Select(value => (int)value)];
        return classes.All(value => value < 10) ? classes : throw new DataSetMissingException($"{name} has a label above 9.");
    }

    private static ReadOnlyMemory<byte> Body(byte[] file, int magic, string name)
    {
        int header = magic == Images ? 16 : 8;
        if (file.Length < header || BinaryPrimitives.ReadInt32BigEndian(file) != magic)
            throw new DataSetMissingException($"{name} does not begin with 0x{magic:x}: it is not an IDX file of its kind.");
        int rows = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(4)),
            size = magic == Images ? Side * Side : 1;
        if (
            magic == Images
            && (BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(8)) != Side || BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(12)) != Side)
        )
            throw new DataSetMissingException($"{name} has images of another size than {Side} × {Side}.");
        if (file.Length - header != (long)rows * size)
            throw new DataSetMissingException($"{name} has {file.Length - header} bytes, its header says {rows} × {size}.");
        return file.AsMemory(header);
    }

    private static byte[] Unpack(byte[] file, string name)
    {
        try
        {
            using GZipStream plain = new(new MemoryStream(file), CompressionMode.Decompress);
            using MemoryStream all = new();
            plain.CopyTo(all);
            return all.ToArray();
        }
        catch (InvalidDataException broken)
        {
            throw new DataSetMissingException($"{name} is not a gzip file: {broken.Message}");
        }
    }
}
