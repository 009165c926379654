namespace Durable.Tests.Host.OfficialApi;

/// <summary>
/// The public surface of the official packages, read from the listings in <c>Data/official</c>: a namespace at the margin, a type two spaces in,
/// a member four spaces in. Types that several assemblies declare under one name (<c>ServiceCollectionExtensions</c>) are merged.
/// </summary>
internal sealed class OfficialListing
{
    private readonly Dictionary<string, OfficialType> types = [];

    private OfficialListing()
    {
    }

    public HashSet<string> Namespaces { get; } = [];

    /// <summary>The type of that full name as <see cref="ApiText.FullName"/> writes it, or null.</summary>
    public OfficialType? Find(string fullName) => types.GetValueOrDefault(fullName);

    public static OfficialListing Load()
    {
        OfficialListing listing = new();
        foreach (string file in new[] { "durable-api.txt", "functions-api.txt" })
            listing.Read(File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "official", file)));

        return listing;
    }

    private void Read(IEnumerable<string> lines)
    {
        string inNamespace = "";
        OfficialType? type = null;
        foreach (string line in lines.Where(l => l.Length > 0 && !l.StartsWith("//", StringComparison.Ordinal)))
        {
            if (line.StartsWith("    ", StringComparison.Ordinal))
            {
                type!.Members.Add(line.Trim());
            }
            else if (line.StartsWith("  ", StringComparison.Ordinal))
            {
                string header = line.Trim();
                string fullName = $"{inNamespace}.{NameIn(header)}";
                if (!types.TryGetValue(fullName, out type)) types[fullName] = type = new OfficialType(header);
            }
            else
            {
                inNamespace = line["namespace ".Length..].Trim();
                Namespaces.Add(inNamespace);
            }
        }
    }

    private static string NameIn(string header)
    {
        if (header.StartsWith("delegate ", StringComparison.Ordinal)) // delegate Task<bool> Name(...);
        {
            string[] words = header[..header.IndexOf('(', StringComparison.Ordinal)].Split(' ');
            return words[^1];
        }

        int bases = header.IndexOf(" : ", StringComparison.Ordinal);
        string declaration = bases < 0 ? header : header[..bases];
        int generic = declaration.IndexOf('<', StringComparison.Ordinal);
        int start = declaration.LastIndexOf(' ', generic < 0 ? declaration.Length - 1 : generic) + 1;
        return declaration[start..];
    }
}

/// <summary>One listed type: its line without indent, and the lines of its members.</summary>
internal sealed record OfficialType(string Header)
{
    public HashSet<string> Members { get; } = [];
}
