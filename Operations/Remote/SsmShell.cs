using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Durable.Postgres;

namespace Durable.Operations.Remote;

/// <summary>
/// SSM Run Command with AWS-RunShellScript: no open port, IAM decides. Every value in the script is base64 or a checked id, so that
/// <c>{{ssm:…}}</c> in a user's value never reaches the service, which would replace it.
/// </summary>
internal sealed class SsmShell(IAmazonSimpleSystemsManagement ssm, TimeProvider clock) : IRemoteShell
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200),
        LongestPause = TimeSpan.FromSeconds(2);

    private static readonly HashSet<string> Unfinished =
    [
        CommandInvocationStatus.Pending,
        CommandInvocationStatus.InProgress,
        CommandInvocationStatus.Delayed,
        CommandInvocationStatus.Cancelling,
    ];

    public async Task<string> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken)
    {
        try
        {
            SendCommandResponse sent = await ssm.SendCommandAsync(
                new SendCommandRequest
                {
                    DocumentName = "AWS-RunShellScript",
                    InstanceIds = [target.InstanceId],
                    Parameters = new Dictionary<string, List<string>> { ["commands"] = [script], ["executionTimeout"] = ["120"] },
                    TimeoutSeconds = 30, // until it starts; SSM's minimum
                },
                cancellationToken
            );
            return await WaitAsync(target, sent.Command.CommandId, cancellationToken);
        }
        catch (InvalidInstanceIdException)
        {
            throw new RemoteHostUnreachableException(
                target.InstanceId,
                "it is not registered with SSM, or not in a state to take commands."
            );
        }
    }

    private async Task<string> WaitAsync(RemoteTarget target, string commandId, CancellationToken cancellationToken)
    {
        for (TimeSpan pause = FirstPause; ; pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause)
        {
            await Task.Delay(pause, clock, cancellationToken);
            GetCommandInvocationResponse invocation;
            try
            {
                invocation = await ssm.GetCommandInvocationAsync(
                    new GetCommandInvocationRequest { CommandId = commandId, InstanceId = target.InstanceId },
                    cancellationToken
                );
            }
            catch (InvocationDoesNotExistException)
            {
                continue; // just sent
            }

            CommandInvocationStatus? status = invocation.Status;
            if (status is null || Unfinished.Contains(status))
                continue;
            string output = invocation.StandardOutputContent ?? "";
            // A failed script may still have answered; one that was never delivered, timed out or was cancelled has not.
            return status == CommandInvocationStatus.Success || RemoteScripts.Read(output) is not null
                ? output
                : throw new RemoteHostUnreachableException(
                    target.InstanceId,
                    $"the command ended as {invocation.StatusDetails ?? status.Value}. {Redaction.Redact(invocation.StandardErrorContent ?? "")}".Trim()
                );
        }
    }
}
