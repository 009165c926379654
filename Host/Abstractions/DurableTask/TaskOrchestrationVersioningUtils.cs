namespace Microsoft.DurableTask.Abstractions;

/// <summary>Compares versions.</summary>
public static class TaskOrchestrationVersioningUtils
{
    /// <summary>Below zero when <paramref name="sourceVersion"/> is older. An empty version is oldest; versions like 1.2.3 compare by number, others as text.</summary>
    public static int CompareVersions(string sourceVersion, string otherVersion)
    {
        bool noSource = string.IsNullOrWhiteSpace(sourceVersion);
        bool noOther = string.IsNullOrWhiteSpace(otherVersion);
        if (noSource || noOther)
        {
            return noSource && noOther ? 0 : noSource ? -1 : 1;
        }

        return System.Version.TryParse(sourceVersion, out System.Version? source) && System.Version.TryParse(otherVersion, out System.Version? other)
            ? source.CompareTo(other)
            : string.Compare(sourceVersion, otherVersion, StringComparison.OrdinalIgnoreCase);
    }
}
