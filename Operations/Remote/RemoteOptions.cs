using System.ComponentModel.DataAnnotations;

namespace Durable.Operations.Remote;

/// <summary>How to reach machines; settings <c>Remote__…</c>.</summary>
public sealed class RemoteOptions
{
    /// <summary><c>ssm</c> (default): AWS Systems Manager, no open port. <c>ssh</c>: SSH with pinned host keys.</summary>
    [RegularExpression("ssm|ssh", ErrorMessage = "Remote__Transport must be ssm or ssh.")]
    public string Transport { get; init; } = "ssm";

    /// <summary>Timeout of one call (start, poll or kill), not of the job. Default 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:05", "00:10:00", ErrorMessage = "Remote__CallTimeout must be from 00:00:05 to 00:10:00.")]
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Login user. Default ec2-user.</summary>
    [RegularExpression("[A-Za-z_][A-Za-z0-9_.-]{0,31}", ErrorMessage = "Remote__SshUser is not a valid user name.")]
    public string SshUser { get; init; } = "ec2-user";

    /// <summary>Port of sshd. Default 22.</summary>
    [Range(1, 65535, ErrorMessage = "Remote__SshPort must be from 1 to 65535.")]
    public int SshPort { get; init; } = 22;

    /// <summary>File with the private key; required for ssh.</summary>
    public string SshKeyFile { get; init; } = "";

    /// <summary><c>known_hosts</c> file with the machines' host keys, each line under the instance id; required for ssh.</summary>
    public string SshKnownHostsFile { get; init; } = "";
}
