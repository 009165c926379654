namespace Durable.Operations.Remote;

/// <summary>A way to run a short POSIX shell script on a machine: SSM Run Command or SSH.</summary>
internal interface IRemoteShell
{
    /// <summary>Runs the script and returns its standard output, at most 24,000 characters of it.</summary>
    /// <exception cref="RemoteHostUnreachableException">It did not run, or may have run: scripts must be safe to repeat.</exception>
    Task<string> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken);
}
