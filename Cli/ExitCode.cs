namespace Durable.Cli;

/// <summary>What the process answers to its caller.</summary>
internal static class ExitCode
{
    /// <summary>Done; for a run that was waited for: it completed and none of its partitions failed.</summary>
    public const int Ok = 0;

    /// <summary>The run failed, the instance is not there, or the host refused because of its state.</summary>
    public const int Failed = 1;

    /// <summary>Unknown option, a value that cannot be, or a key that is missing.</summary>
    public const int BadUsage = 2;

    /// <summary>No host answers, or it is not ready.</summary>
    public const int Unreachable = 3;

    /// <summary>Interrupted while waiting: the run goes on without this process.</summary>
    public const int Detached = 130;
}

/// <summary>Ends a command with a message for people and an <see cref="ExitCode"/>.</summary>
internal sealed class CommandFailedException(int exitCode, string message) : Exception(message)
{
    /// <summary>One of <see cref="ExitCode"/>.</summary>
    public int Code { get; } = exitCode;
}
