using System.Data.Common;

namespace Durable.Postgres;

/// <summary>Columns that may be NULL.</summary>
public static class NullableReads
{
    /// <summary>Text, or null for NULL.</summary>
    public static string? GetNullableString(this DbDataReader reader, int ordinal) =>
        reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);

    /// <summary>A value, or null for NULL. A <see cref="DateTime"/> of a <c>timestamptz</c> is UTC.</summary>
    public static T? GetNullable<T>(this DbDataReader reader, int ordinal)
        where T : struct => reader.IsDBNull(ordinal) ? null : reader.GetFieldValue<T>(ordinal);
}
