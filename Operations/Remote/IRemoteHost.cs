namespace Durable.Operations.Remote;

/// <summary>Runs jobs on machines elsewhere. Jobs are detached: they outlive the call, the connection and this process.</summary>
/// <remarks>All calls are short and safe to repeat. An id names one job forever: a second start finds the first, and a killed id never
/// starts.</remarks>
public interface IRemoteHost
{
    /// <summary>Starts a job, or finds the one already started with its id.</summary>
    /// <exception cref="ArgumentException">The target, the id or an argument cannot be sent; permanent.</exception>
    /// <exception cref="RemoteHostUnreachableException">The machine does not answer; retry.</exception>
    Task<RemoteJobState> StartAsync(RemoteTarget target, RemoteCommand command, CancellationToken cancellationToken = default);

    /// <summary>State of a job, with the end of its output.</summary>
    /// <inheritdoc cref="StartAsync"/>
    Task<RemoteJobState> PollAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken = default);

    /// <summary>Ends a job and everything it started: SIGTERM, after 10 s SIGKILL. The answer says <see cref="RemoteJobPhase.Running"/>
    /// only if something survived.</summary>
    /// <inheritdoc cref="StartAsync"/>
    Task<RemoteJobState> KillAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken = default);
}

/// <summary>A machine.</summary>
/// <param name="InstanceId">EC2 instance id: the address for SSM, the name of the pinned host key for SSH.</param>
/// <param name="Address">Host name or IP address, needed for SSH only.</param>
public sealed record RemoteTarget(string InstanceId, string? Address = null);

/// <summary>A program with its arguments, which arrive byte for byte; only NUL cannot be sent.</summary>
/// <param name="JobId">Names the job on the machine: letters, digits, <c>.</c>, <c>_</c>, <c>-</c>; at most 120 of them, the first a letter
/// or digit.</param>
/// <param name="Arguments">The program first. Together with the environment at most 48 KB of UTF-8.</param>
/// <param name="Environment">Added to the environment of the machine; names are letters, digits and <c>_</c>.</param>
/// <param name="Timeout">The machine ends the job after this, with exit code 124, even if nobody polls it. From 1 s to 7 days.</param>
public sealed record RemoteCommand(
    string JobId,
    IReadOnlyList<string> Arguments,
    IReadOnlyDictionary<string, string>? Environment,
    TimeSpan Timeout
)
{
    /// <summary>A constant shell script that gets values as <c>"$1"</c>, <c>"$2"</c>, … never as part of its text.</summary>
    /// <param name="script">Constant text, e.g. <c>exec "${SPARK_HOME:-/opt/spark}/bin/spark-submit" "$@"</c>.</param>
    public static RemoteCommand Script(
        string jobId,
        string script,
        IReadOnlyList<string> arguments,
        TimeSpan timeout,
        IReadOnlyDictionary<string, string>? environment = null
    ) => new(jobId, ["sh", "-c", script, "job", .. arguments], environment, timeout);
}

/// <summary>State of a job.</summary>
public enum RemoteJobPhase
{
    /// <summary>Never started there.</summary>
    NotFound,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>It has ended with an exit code; 124: timeout; 137 or 143: killed.</summary>
    Exited,

    /// <summary>It started and disappeared without an exit code: the machine went down, or it was killed from outside.</summary>
    Lost,
}

/// <summary>A job's state and output.</summary>
/// <param name="ExitCode">0 to 255; null unless <see cref="RemoteJobPhase.Exited"/>.</param>
/// <param name="OutputTail">The last 6 KB of standard output and error, secrets removed.</param>
public sealed record RemoteJobState(RemoteJobPhase Phase, int? ExitCode, string OutputTail);

/// <summary>The machine did not accept the call: it is off, not yet registered, or unreachable. A retry may help.</summary>
public sealed class RemoteHostUnreachableException(string instanceId, string reason) : Exception($"{instanceId} does not answer: {reason}");
