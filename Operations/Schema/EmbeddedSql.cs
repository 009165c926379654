using System.Reflection;

namespace Durable.Operations.Schema;

/// <summary>SQL kept in files beside the code that runs it.</summary>
internal static class EmbeddedSql
{
    /// <summary>Reads <c>Pipelines/&lt;subject&gt;/Sql/&lt;name&gt;.sql</c>.</summary>
    public static string Query(string subject, string name)
    {
        Assembly assembly = typeof(EmbeddedSql).Assembly;
        string ending = $".Pipelines.{subject}.Sql.{name}.sql";
        return Read(assembly, assembly.GetManifestResourceNames().Single(resource => resource.EndsWith(ending, StringComparison.Ordinal)));
    }

    public static string Read(Assembly assembly, string resource)
    {
        using Stream stream = assembly.GetManifestResourceStream(resource) ?? throw new InvalidOperationException($"{resource} is not embedded.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
