using System.Buffers;
using System.Text;

namespace Durable.Postgres;

/// <summary>Text as PostgreSQL can store it.</summary>
public static class StorableText
{
    private static readonly SearchValues<char> Odd = SearchValues.Create([.. Enumerable.Range(0xD800, 0x800).Select(c => (char)c), '\0']);

    /// <summary>The same text with U+FFFD for NUL characters and unpaired surrogates, which text columns cannot store. Almost free for
    /// other text.</summary>
    public static string Clean(string text)
    {
        int first = text.AsSpan().IndexOfAny(Odd);
        if (first < 0)
        {
            return text;
        }

        StringBuilder clean = new(text, 0, first, text.Length);
        foreach (Rune rune in text.AsSpan(first).EnumerateRunes()) // gives U+FFFD for an unpaired surrogate
        {
            clean.Append(rune.Value == 0 ? "\uFFFD" : rune.ToString());
        }

        return clean.ToString();
    }
}
