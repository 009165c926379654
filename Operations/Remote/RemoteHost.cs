using System.Text.RegularExpressions;
using Durable.Postgres;

namespace Durable.Operations.Remote;

/// <summary>Jobs over any shell: the scripts do the work, the shell transports them.</summary>
internal sealed partial class RemoteHost(IRemoteShell shell, RemoteOptions options) : IRemoteHost
{
    public Task<RemoteJobState> StartAsync(RemoteTarget target, RemoteCommand command, CancellationToken cancellationToken) =>
        RunAsync(target, RemoteScripts.ForStart(command), cancellationToken);

    public Task<RemoteJobState> PollAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken) =>
        RunAsync(target, RemoteScripts.ForPoll(jobId), cancellationToken);

    public Task<RemoteJobState> KillAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken) =>
        RunAsync(target, RemoteScripts.ForKill(jobId), cancellationToken);

    private async Task<RemoteJobState> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken)
    {
        if (!InstanceId().IsMatch(target.InstanceId))
            throw new ArgumentException($"'{target.InstanceId}' is not an instance id.");
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.CallTimeout);
        try
        {
            string output = await shell.RunAsync(target, script, limit.Token);
            return RemoteScripts.Read(output)
                ?? throw new RemoteHostUnreachableException(
                    target.InstanceId,
                    $"the job script did not get to its end. {Redaction.Redact(Last(output))}"
                );
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RemoteHostUnreachableException(target.InstanceId, $"no answer within {options.CallTimeout} (Remote__CallTimeout).");
        }
    }

    private static string Last(string output) => output.Length <= 500 ? output.Trim() : output[^500..].Trim();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z")]
    private static partial Regex InstanceId();
}
