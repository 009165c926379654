using Durable.Operations.Backup;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Dumps the tables of a pipeline before a run replaces parts of them.</summary>
/// <returns>Path of the dump.</returns>
/// <remarks>Safe to run twice: a second run makes a second dump.</remarks>
public sealed class BackupResults(DatabaseBackup backup)
{
    [Function(nameof(BackupResults))]
    public Task<string> RunAsync([ActivityTrigger] BackupRequest request, CancellationToken cancellationToken) =>
        backup.DumpAsync(request.Name, request.Tables, cancellationToken);
}
