namespace Microsoft.DurableTask;

/// <summary>Version of an orchestration or task; the empty one means unversioned. Compared without case.</summary>
public readonly struct TaskVersion : IEquatable<TaskVersion>
{
    /// <summary>No version.</summary>
    public static readonly TaskVersion Unversioned;

    private readonly string? written;

    /// <summary>A version; null or empty means unversioned.</summary>
    /// <exception cref="ArgumentException">Nothing but white space.</exception>
    public TaskVersion(string? version)
    {
        if (!string.IsNullOrEmpty(version) && string.IsNullOrWhiteSpace(version))
        {
            throw new ArgumentException("A version must not be white space only: null, an empty string or TaskVersion.Unversioned mean unversioned.", nameof(version));
        }

        written = version;
    }

    /// <summary>The version as written; empty when unversioned, never null.</summary>
    public string Version => written ?? string.Empty;

    /// <summary>The version as text.</summary>
    public static implicit operator string(TaskVersion value) => value.Version;

    /// <summary>A version from text.</summary>
    public static implicit operator TaskVersion(string? value) => new(value);

    /// <summary>Equality without case.</summary>
    public static bool operator ==(TaskVersion a, TaskVersion b) => a.Equals(b);

    /// <summary>Inequality without case.</summary>
    public static bool operator !=(TaskVersion a, TaskVersion b) => !a.Equals(b);

    /// <inheritdoc />
    public bool Equals(TaskVersion other) => string.Equals(Version, other.Version, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is TaskVersion other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Version);
}
