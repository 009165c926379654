using System.Net.Sockets;
using System.Text;
using Renci.SshNet;
using Renci.SshNet.Common;

namespace Durable.Operations.Remote;

/// <summary>
/// SSH, one connection per call. The host key is pinned under the instance id, because addresses change at each start. The script is sent
/// over standard input, never on a command line. A cancelled call closes its connection; its script may continue on the machine, which
/// start, poll and kill allow for.
/// </summary>
internal sealed class SshShell(RemoteOptions options) : IRemoteShell
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10),
        KeepAlive = TimeSpan.FromSeconds(10);

    /// <exception cref="ArgumentException">The address is invalid, or a setting is missing.</exception>
    public async Task<string> RunAsync(RemoteTarget target, string script, CancellationToken cancellationToken)
    {
        string address = Address(target);
        try
        {
            KnownHosts known = await KnownHosts.ReadAsync(
                FileName(options.SshKnownHostsFile, "Remote__SshKnownHostsFile"),
                target.InstanceId,
                cancellationToken
            );
            using PrivateKeyFile key = new(FileName(options.SshKeyFile, "Remote__SshKeyFile"));
            using PrivateKeyAuthenticationMethod login = new(options.SshUser, key);
            ConnectionInfo connection = new(address, options.SshPort, options.SshUser, login) { Timeout = ConnectTimeout };
            known.Restrict(connection.HostKeyAlgorithms);
            using SshClient client = new(connection) { KeepAliveInterval = KeepAlive };
            client.HostKeyReceived += (_, received) => received.CanTrust = known.Contains(received.HostKey);
            await client.ConnectAsync(cancellationToken);
            return await RunAsync(client, script, cancellationToken);
        }
        catch (Exception error)
            when (error is SshException or SocketException or IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new RemoteHostUnreachableException(target.InstanceId, $"ssh: {error.Message.Trim()}");
        }
    }

    private static async Task<string> RunAsync(SshClient client, string script, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cut = cancellationToken.Register(client.Disconnect); // else the command is awaited
        using SshCommand command = client.CreateCommand("exec /bin/sh -s", Encoding.UTF8);
        Task running = command.ExecuteAsync(cancellationToken);
        await using (Stream input = command.CreateInputStream())
            await input.WriteAsync(Encoding.UTF8.GetBytes(script), cancellationToken);
        await running;
        return command.Result + command.Error;
    }

    private static string Address(RemoteTarget target) =>
        target.Address is { Length: > 0 } given && given[0] != '-' && Uri.CheckHostName(given) != UriHostNameType.Unknown
            ? given
            : throw new ArgumentException(
                $"'{target.Address}' is not an address of {target.InstanceId}: ssh needs a host name or IP address."
            );

    private static string FileName(string path, string setting) =>
        path.Length > 0 ? path : throw new ArgumentException($"Setting {setting} names no file; ssh needs it.");
}
