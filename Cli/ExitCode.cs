namespace Durable.Cli;

/// <summary>Exit codes of the process.</summary>
internal static class ExitCode
{
    /// <summary>Done; after waiting for a run: it completed and no partition failed.</summary>
    public const int Ok = 0;

    /// <summary>The run failed, the instance does not exist, or the host refused because of its state.</summary>
    public const int Failed = 1;

    /// <summary>Unknown option, invalid value, or missing key.</summary>
    public const int BadUsage = 2;

    /// <summary>No host answers, or it is not ready.</summary>
    public const int Unreachable = 3;

    /// <summary>Interrupted while waiting: the run continues without this process.</summary>
    public const int Detached = 130;
}

/// <summary>Ends a command with a message and an <see cref="ExitCode"/>.</summary>
internal sealed class CommandFailedException(int exitCode, string message) : Exception(message)
{
    /// <summary>One of <see cref="ExitCode"/>.</summary>
    public int Code { get; } = exitCode;
}
