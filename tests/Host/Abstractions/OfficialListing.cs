using System.Text.RegularExpressions;

namespace Durable.Tests.Host.Abstractions;

/// <summary>The official packages' public types and members, read from the listings in <c>tests/Data/official</c>.</summary>
internal sealed partial class OfficialListing
{
    private readonly Dictionary<string, HashSet<string>> types = new(StringComparer.Ordinal);

    /// <summary>Namespaces the listings have.</summary>
    public HashSet<string> Namespaces { get; } = new(StringComparer.Ordinal);

    /// <summary>Members of a type by its full name (generic types as <c>Page&lt;1</c>: name and arity), or null.</summary>
    public HashSet<string>? MembersOf(string type) => types.GetValueOrDefault(type);

    public static OfficialListing Read()
    {
        OfficialListing listing = new();
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Data", "official")))
        {
            listing.Read(File.ReadAllLines(file));
        }

        return listing;
    }

    private void Read(string[] lines)
    {
        string space = string.Empty;
        HashSet<string>? members = null;
        foreach (string line in lines)
        {
            if (line.StartsWith("namespace ", StringComparison.Ordinal))
            {
                space = line[10..].Trim();
                Namespaces.Add(space);
            }
            else if (line.StartsWith("    ", StringComparison.Ordinal))
            {
                members!.Add(line.Trim());
            }
            else if (line.StartsWith("  ", StringComparison.Ordinal))
            {
                Match match = Heading().Match(line);
                string key = Key(space, match.Groups["name"].Value, match.Groups["generic"].Value);
                if (!types.TryGetValue(key, out members))
                {
                    types[key] = members = new HashSet<string>(StringComparer.Ordinal);
                }

                if (match.Groups["kind"].Value.StartsWith("delegate", StringComparison.Ordinal))
                {
                    members.Add(line.Trim());
                }
            }
        }
    }

    private static string Key(string space, string name, string generic) =>
        $"{space}.{name}" + (generic.Length == 0 ? string.Empty : "<" + (generic.Count(c => c == ',') + 1).ToString(System.Globalization.CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^  ((abstract|sealed|static) )?(?<kind>class|record|struct|interface|enum|delegate \S+) (?<name>\w+)(<(?<generic>[^>]*)>)?", RegexOptions.ExplicitCapture)]
    private static partial Regex Heading();
}
