using System.Reflection;
using Durable.Postgres;
using Npgsql;

namespace Durable.Operations.Schema;

/// <summary>The app's tables: <c>Operations/Schema</c> and <c>Pipelines/&lt;Subject&gt;/Schema</c>, each subject in the schema of its name,
/// Operations first.</summary>
public static class AppSchema
{
    /// <summary>Brings all of them up to date. Safe to call repeatedly and from many processes at once.</summary>
    /// <inheritdoc cref="SchemaSteps.ApplyAsync" path="/exception"/>
    public static Task ApplyAsync(NpgsqlDataSource database, CancellationToken cancellationToken = default) =>
        SchemaSteps.ApplyAsync(database, Components(), cancellationToken);

    internal static IReadOnlyList<SchemaComponent> Components()
    {
        Assembly assembly = typeof(AppSchema).Assembly;
        const string Room = ".Schema.";
        return
        [
            .. from resource in assembly.GetManifestResourceNames()
            where resource.EndsWith(".sql", StringComparison.Ordinal)
            let at = resource.IndexOf(Room, StringComparison.Ordinal)
            where at > 0
            let subject = resource[..at].Split('.')[^1].ToLowerInvariant()
            group resource[..(at + Room.Length)] by subject into subjects
            orderby subjects.Key != "operations", subjects.Key
            select new SchemaComponent(subjects.Key, subjects.Key, assembly, subjects.First()),
        ];
    }
}
