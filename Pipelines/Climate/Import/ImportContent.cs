using System.IO.Compression;

namespace Durable.Pipelines.Climate.Import;

/// <summary>The bytes of a delivered file, inflated if it is gzip, verified to its last byte and limited to
/// <see cref="ImportLimits.InflatedBytes"/>.</summary>
internal sealed class ImportContent
{
    private static readonly (byte[] Begins, string Name)[] OtherFormats =
    [
        ([0x50, 0x4b, 0x03, 0x04], "a ZIP archive or an Excel workbook"),
        ([0x50, 0x4b, 0x05, 0x06], "an empty ZIP archive"),
        ([0xff, 0xfe], "UTF-16 text"),
        ([0xfe, 0xff], "UTF-16 text"),
        ([0x42, 0x5a, 0x68], "a bzip2 file"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "an xz file"),
        ([0x28, 0xb5, 0x2f, 0xfd], "a zstd file"),
        ([0x37, 0x7a, 0xbc, 0xaf], "a 7-Zip archive"),
        ([0xd0, 0xcf, 0x11, 0xe0], "an old Excel workbook"),
        ([0x50, 0x41, 0x52, 0x31], "a Parquet file"),
    ];

    private readonly DeliveredStream delivered;
    private readonly GZipStream? gzip;
    private readonly ImportLimits limits;
    private long length;

    private ImportContent(DeliveredStream delivered, bool compressed, ImportLimits limits)
    {
        this.delivered = delivered;
        this.limits = limits;
        if (compressed)
            gzip = new GZipStream(delivered, CompressionMode.Decompress);
    }

    public static async Task<ImportContent> OpenAsync(Stream content, ImportLimits limits, CancellationToken cancellationToken)
    {
        DeliveredStream delivered = new(content);
        ReadOnlyMemory<byte> first = await delivered.PeekAsync(2, cancellationToken);
        return new ImportContent(delivered, first.Span.SequenceEqual<byte>([0x1f, 0x8b]), limits);
    }

    /// <summary>Fills <paramref name="buffer"/> as far as the file goes; 0 at its verified end.</summary>
    /// <exception cref="ImportRefusedException">Another format, or a damaged or cut archive.</exception>
    /// <exception cref="ImportTooLargeException">More bytes than allowed.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int read;
        try
        {
            read = await ((Stream?)gzip ?? delivered).ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        }
        catch (InvalidDataException error)
        {
            throw new ImportRefusedException(
                $"The gzip archive is damaged somewhere after its first {length:N0} inflated bytes. Compress the file again; "
                    + "nothing was imported.",
                error
            );
        }

        if (length == 0)
            RefuseOtherFormats(buffer.Span[..read]);
        length += read;
        if (length > limits.InflatedBytes)
            throw new ImportTooLargeException(
                $"The file holds more than {limits.InflatedBytes:N0} bytes{(gzip is null ? "" : " when inflated")}. "
                    + "Split it, or raise ClimateImport__InflatedBytes; nothing was imported."
            );
        if (read < buffer.Length && gzip is not null)
            await CheckTrailerAsync(cancellationToken);
        return read;
    }

    // The inflater verifies the checksum when it reaches it, but accepts a file that ends early or has trailing data.
    private async Task CheckTrailerAsync(CancellationToken cancellationToken)
    {
        byte[] rest = new byte[4096];
        while (await delivered.ReadAsync(rest, cancellationToken) > 0) { }
        if (delivered.LastFour != (uint)length)
        {
            throw new ImportRefusedException(
                "The gzip archive is cut off, or is followed by something else: "
                    + $"{length:N0} bytes were inflated, which is not the length it ends with. "
                    + "Send the whole file, compressed as one gzip member; nothing was imported."
            );
        }
    }

    private static void RefuseOtherFormats(ReadOnlySpan<byte> first)
    {
        foreach ((byte[] begins, string name) in OtherFormats)
        {
            if (first.StartsWith(begins))
                throw new ImportRefusedException(
                    $"The file is {name}. Send CSV text in UTF-8 or EUC-KR/CP949, plain or compressed with gzip."
                );
        }

        // Text without a byte order mark in which each other byte is NUL.
        if (first[..Math.Min(first.Length, 256)].Contains((byte)0))
            throw new ImportRefusedException(
                "The file begins with NUL bytes: it is UTF-16 text or no text at all. "
                    + "Send CSV text in UTF-8 or EUC-KR/CP949, plain or compressed with gzip."
            );
    }
}
