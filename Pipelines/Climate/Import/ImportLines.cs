using System.Text;

namespace Durable.Pipelines.Climate.Import;

/// <summary>
/// Lines of a file, strictly decoded. Text is UTF-8, or EUC-KR/CP949 (used by Korean agencies) if its first non-ASCII bytes are not UTF-8.
/// A byte that fits neither refuses the file: a name stored with replacement characters cannot be repaired later.
/// </summary>
internal sealed class ImportLines(ImportContent content, ImportLimits limits)
{
    private const string Cp949 = "CP949";

    private static readonly Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);
    private static readonly Encoding Korean = CodePagesEncodingProvider.Instance.GetEncoding(
        949,
        EncoderFallback.ExceptionFallback,
        DecoderFallback.ExceptionFallback
    )!;

    private readonly byte[] bytes = new byte[1 << 16];
    private readonly char[] chars = new char[(1 << 16) + 8];
    private readonly StringBuilder started = new();
    private Decoder? decoder;
    private int at,
        end;
    private long decoded;
    private bool skipLineFeed,
        ended;

    /// <summary>UTF-8 or CP949; pure ASCII counts as UTF-8.</summary>
    public string EncodingName { get; private set; } = "UTF-8";

    /// <summary>Lines read so far.</summary>
    public long Count { get; private set; }

    /// <summary>The next line without its end (LF, CRLF or CR); null after the last.</summary>
    /// <exception cref="ImportTooLargeException">A line longer than <see cref="ImportLimits.RowCharacters"/>.</exception>
    public async ValueTask<string?> ReadAsync(CancellationToken cancellationToken)
    {
        started.Clear();
        while (true)
        {
            if (at == end && !await FillAsync(cancellationToken))
                return started.Length == 0 ? null : Finish(default);
            if (skipLineFeed)
            {
                skipLineFeed = false;
                if (chars[at] == '\n')
                {
                    at++;
                    continue;
                }
            }

            ReadOnlySpan<char> left = chars.AsSpan(at, end - at);
            int length = left.IndexOfAny('\r', '\n');
            if (started.Length + (length < 0 ? left.Length : length) > limits.RowCharacters)
            {
                throw new ImportTooLargeException(
                    $"Line {Count + 1} is longer than {limits.RowCharacters:N0} characters. Is it a CSV file with a row on each line? "
                        + "ClimateImport__RowCharacters is the limit; nothing was imported."
                );
            }

            if (length >= 0)
            {
                skipLineFeed = left[length] == '\r';
                at += length + 1;
                return Finish(left[..length]);
            }

            started.Append(left);
            at = end;
        }
    }

    private string Finish(ReadOnlySpan<char> rest)
    {
        Count++;
        return started.Length == 0 ? new string(rest) : started.Append(rest).ToString();
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        while (!ended)
        {
            int read = await content.ReadAsync(bytes, cancellationToken);
            ended = read < bytes.Length;
            bool marked = decoded == 0 && bytes.AsSpan(0, read).StartsWith("\uFEFF"u8);
            (at, end) = (0, Decode(bytes.AsSpan(marked ? 3 : 0, read - (marked ? 3 : 0))));
            decoded += read;
            if (end > 0)
                return true;
        }

        return false;
    }

    private int Decode(ReadOnlySpan<byte> read)
    {
        if (decoder is null && !Ascii.IsValid(read))
            Choose(read);
        if (TryDecode(decoder ?? Encoding.ASCII.GetDecoder(), EncodingName == Cp949, read, out int count))
            return count;
        throw new ImportRefusedException(
            $"The file is {EncodingName} at first, but not between bytes {decoded:N0} and {decoded + read.Length:N0}. "
                + "Save it in one encoding, UTF-8 or EUC-KR/CP949; nothing was imported."
        );
    }

    private void Choose(ReadOnlySpan<byte> read)
    {
        if (TryDecode(Utf8.GetDecoder(), false, read, out _))
        {
            decoder = Utf8.GetDecoder();
        }
        else if (TryDecode(Korean.GetDecoder(), true, read, out _))
        {
            (decoder, EncodingName) = (Korean.GetDecoder(), Cp949);
        }
        else
        {
            throw new ImportRefusedException(
                $"The text between bytes {decoded:N0} and {decoded + read.Length:N0} is neither UTF-8 nor EUC-KR/CP949. "
                    + "Save the file as UTF-8; nothing was imported."
            );
        }
    }

    private bool TryDecode(Decoder with, bool korean, ReadOnlySpan<byte> read, out int count)
    {
        try
        {
            count = with.GetChars(read, chars, ended);
            // Bytes unassigned in the Korean code page decode to private or control characters, not to an error.
            return !korean
                || (
                    !chars.AsSpan(0, count).ContainsAnyInRange('\uE000', '\uF8FF')
                    && !chars.AsSpan(0, count).ContainsAnyInRange('\u0080', '\u009F')
                );
        }
        catch (DecoderFallbackException)
        {
            count = 0;
            return false;
        }
    }
}
