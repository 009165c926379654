using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Durable.Operations.Remote;

/// <summary>
/// OpenSSH's own client as a child process. The host key is pinned under the instance id, since addresses change at each start; no configuration,
/// agent, password or forwarding of the local user has a say. The script goes through standard input: no word of it is on a command line.
/// </summary>
internal sealed class OpenSshShell(RemoteOptions options) : IRemoteShell
{
    public async Task<string> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken)
    {
        using Process ssh = Start(target);
        try
        {
            Task<string> output = ssh.StandardOutput.ReadToEndAsync(cancellationToken);
            Task<string> errors = ssh.StandardError.ReadToEndAsync(cancellationToken);
            await SendAsync(ssh, script, cancellationToken);
            string text = await output, problem = await errors;
            await ssh.WaitForExitAsync(cancellationToken);
            // 255 is ssh's own failure, or the script's: whether the answer is there tells them apart.
            return ssh.ExitCode == 255 && RemoteScripts.Read(text) is null ? throw new RemoteHostUnreachableException(target.InstanceId, $"ssh: {problem.Trim()}") : text + problem;
        }
        finally
        {
            if (!ssh.HasExited) ssh.Kill(entireProcessTree: true);
        }
    }

    /// <summary>The command line, for all but the script.</summary>
    /// <exception cref="ArgumentException">The address is none.</exception>
    internal IReadOnlyList<string> Arguments(RemoteTarget target)
    {
        string address = target.Address is { Length: > 0 } given && given[0] != '-' && Uri.CheckHostName(given) != UriHostNameType.Unknown
            ? given
            : throw new ArgumentException($"'{target.Address}' is no address of {target.InstanceId}: a host name or IP address is needed for ssh.");
        string[] settings =
        [
            "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey", "StrictHostKeyChecking=yes", "UpdateHostKeys=no",
            $"UserKnownHostsFile=\"{FileName(options.SshKnownHostsFile, "Remote__SshKnownHostsFile")}\"", "GlobalKnownHostsFile=/dev/null", $"HostKeyAlias={target.InstanceId}",
            "CheckHostIP=no", "ConnectTimeout=10", "ServerAliveInterval=10", "ServerAliveCountMax=3", "ClearAllForwardings=yes", "ForwardAgent=no", "LogLevel=ERROR",
        ];
        return
        [
            "-F", "none", "-T", .. settings.SelectMany(setting => new[] { "-o", setting }),
            "-i", FileName(options.SshKeyFile, "Remote__SshKeyFile"), "-p", options.SshPort.ToString(CultureInfo.InvariantCulture), "-l", options.SshUser,
            "--", address, "exec /bin/sh -s",
        ];
    }

    private Process Start(RemoteTarget target)
    {
        ProcessStartInfo start = new("ssh", Arguments(target)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            return Process.Start(start) ?? throw new RemoteHostUnreachableException(target.InstanceId, "ssh did not start.");
        }
        catch (Win32Exception missing)
        {
            throw new RemoteHostUnreachableException(target.InstanceId, $"the ssh client cannot be started ({missing.Message}). Install openssh-client.");
        }
    }

    private static async Task SendAsync(Process ssh, string script, CancellationToken cancellationToken)
    {
        try
        {
            await ssh.StandardInput.WriteAsync(script.AsMemory(), cancellationToken);
            ssh.StandardInput.Close();
        }
        catch (IOException)
        {
            // ssh has gone; its exit code and message say why.
        }
    }

    // ssh expands % in file names.
    private static string FileName(string path, string setting) =>
        path.Length > 0 && !path.Contains('"') ? path.Replace("%", "%%", StringComparison.Ordinal) : throw new ArgumentException($"Setting {setting} names no file; ssh needs it.");
}
