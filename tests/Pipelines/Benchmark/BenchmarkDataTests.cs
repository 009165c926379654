using System.IO.Compression;
using Durable.Pipelines.Benchmark.Data;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Benchmark;

/// <summary>Data sets: their split, their format, and that no row is in two parts.</summary>
public sealed class BenchmarkDataTests
{
    [Fact]
    public void The_table_is_the_same_bytes_for_the_same_rows_and_seed_and_no_row_is_in_two_parts()
    {
        DataSplit table = GeneratedTable.Make(2000, 42);
        Assert.Equal((1400, 200, 400, 2), (table.TrainRows, table.ValidationRows, table.TestRows, table.Classes));
        Assert.Equal(
            ["test/features.npy", "train/features.npy", "train/labels.npy", "validation/features.npy", "validation/labels.npy"],
            table.Files.Keys.Order()
        );
        Assert.Equal(table.Files["train/features.npy"], GeneratedTable.Make(2000, 42).Files["train/features.npy"]);
        Assert.NotEqual(table.Files["train/features.npy"], GeneratedTable.Make(2000, 43).Files["train/features.npy"]);

        HashSet<string> rows = [];
        foreach (string part in new[] { "train", "validation", "test" })
        {
            (float[] values, int count, int columns) = NpyFile.ReadMatrix(table.Files[$"{part}/features.npy"]);
            Assert.Equal(20, columns);
            Assert.All(values, value => Assert.True(float.IsFinite(value)));
            for (int row = 0; row < count; row++)
                Assert.True(
                    rows.Add(
                        Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan(row * columns, columns)))
                    ),
                    "a row is there twice"
                );
        }

        int[] labels = NpyFile.ReadVector(table.Files["train/labels.npy"]);
        Assert.InRange(labels.Average(), 0.45, 0.55);
        Assert.Equal(400, NpyFile.ReadVector(table.HeldOut).Length);
    }

    [Fact]
    public void Mnist_is_split_by_rows_and_the_test_part_has_no_labels()
    {
        DataSplit data = MnistFiles.Read(Mnist.Make(100, 30));
        Assert.Equal(("mnist-format", 90, 10, 30, 10), (data.Name, data.TrainRows, data.ValidationRows, data.TestRows, data.Classes));
        Assert.DoesNotContain("test/labels.npy", data.Files.Keys);
        Assert.Equal(30, NpyFile.ReadVector(data.HeldOut).Length);
        Assert.Equal([9, 0, 1], NpyFile.ReadVector(data.Files["train/labels.npy"]).Skip(9).Take(3));
    }

    [SharedDataFact("mnist")]
    public void The_real_mnist_is_known_by_its_content()
    {
        DataSplit data = MnistFiles.Read([.. MnistFiles.Names.Select(name => File.ReadAllBytes(SharedData.PathOf("mnist/" + name)))]);
        Assert.Equal(("mnist", 54_000, 6_000, 10_000), (data.Name, data.TrainRows, data.ValidationRows, data.TestRows));
        Assert.Equal([5, 0, 4, 1, 9], NpyFile.ReadVector(data.Files["train/labels.npy"]).Take(5));
        Assert.Equal([7, 2, 1, 0, 4], NpyFile.ReadVector(data.HeldOut).Take(5));
    }

    [Theory]
    [InlineData(0, "0x803")]
    [InlineData(1, "0x801")]
    [InlineData(2, "not a gzip file")]
    [InlineData(3, "its header says")]
    public void A_broken_file_of_mnist_is_named(int file, string why)
    {
        byte[][] files = [.. Mnist.Make(100, 30)];
        files[file] = file switch
        {
            0 => files[1],
            1 => files[0],
            2 => "not gzip at all"u8.ToArray(),
            _ => Mnist.Gzip([0, 0, 8, 1, 0, 0, 0, 30, 1, 2, 3]),
        };
        DataSetMissingException refused = Assert.Throws<DataSetMissingException>(() => MnistFiles.Read(files));
        Assert.Contains(MnistFiles.Names[file], refused.Message, StringComparison.Ordinal);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_file_is_what_numpy_writes()
    {
        byte[] file = NpyFile.Write([1f, 2f, 3f, 4f, 5f, 6f], 3, 2);
        Assert.Equal(128 + 24, file.Length); // the header ends at a multiple of 64
        (float[] values, int rows, int columns) = NpyFile.ReadMatrix(file);
        Assert.Equal((3, 2, 6f), (rows, columns, values[5]));
        Assert.Equal([1, 2], NpyFile.ReadVector(NpyFile.Write([1, 2], 2)));
        Assert.Throws<NpyFormatException>(() => NpyFile.ReadMatrix(file.AsSpan(0, file.Length - 4)));
        Assert.Throws<NpyFormatException>(() => NpyFile.ReadVector(file));
        Assert.Throws<NpyFormatException>(() => NpyFile.ReadMatrix("\x93NUMPY"u8));
    }
}

/// <summary>Files in MNIST's format that nobody took for MNIST: ten shapes with noise, classes in turn.</summary>
internal static class Mnist
{
    public static IReadOnlyList<byte[]> Make(int train, int test) => [Images(train, 1), Labels(train), Images(test, 2), Labels(test)];

    public static byte[] Gzip(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }

    private static byte[] Images(int count, ulong seed)
    {
        RandomStream random = new(seed);
        byte[] file = new byte[16 + (count * 784)];
        Header(file, 0x803, count);
        (file[11], file[15]) = (28, 28);
        for (int i = 0; i < count; i++)
        {
            int shape = i % 10,
                left = 2 + (shape % 5 * 5),
                top = 4 + (shape / 5 * 12),
                shift = (int)(random.Next() * 3) - 1; // a bright square at one of ten places
            for (int p = 0; p < 784; p++)
            {
                int x = p % 28,
                    y = p / 28;
                bool inside = x >= left + shift && x < left + shift + 5 && y >= top && y < top + 8;
                file[16 + (i * 784) + p] = (byte)((random.Next() * 60) + (inside ? 180 : 0));
            }
        }

        return Gzip(file);
    }

    private static byte[] Labels(int count)
    {
        byte[] file = new byte[8 + count];
        Header(file, 0x801, count);
        for (int i = 0; i < count; i++)
            file[8 + i] = (byte)(i % 10);
        return Gzip(file);
    }

    private static void Header(byte[] file, int magic, int count)
    {
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(file, magic);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4), count);
    }
}
