namespace Durable.Operations.Backup;

/// <summary>What one dump contains.</summary>
/// <param name="Name">Start of the file's name: the pipeline.</param>
/// <param name="Tables">pg_dump patterns, such as <c>climate.hazard_cells*</c>.</param>
public sealed record BackupRequest(string Name, IReadOnlyList<string> Tables);
