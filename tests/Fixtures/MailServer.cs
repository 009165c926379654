using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using MimeKit;
using SmtpServer;
using SmtpServer.Mail;
using SmtpServer.Protocol;
using SmtpServer.Storage;

namespace Durable.Tests.Fixtures;

/// <summary>What came by mail: whom the envelope names, and the message.</summary>
internal sealed record ReceivedMail(IReadOnlyList<string> Receivers, MimeMessage Message);

/// <summary>An SMTP server on a free port of 127.0.0.1 that keeps what it is given. It speaks no TLS.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private Task serving = Task.CompletedTask;

    private MailServer(int port) => Port = port;

    public int Port { get; }

    public ConcurrentQueue<ReceivedMail> Mails { get; } = [];

    /// <param name="refuses">Takes no receiver.</param>
    public static async Task<MailServer> StartAsync(bool refuses = false)
    {
        while (true)
        {
            MailServer server = new(FreePort());
            SmtpServer.ComponentModel.ServiceProvider services = new();
            services.Add(new Store(server));
            services.Add(new Filter(refuses));
            ISmtpServerOptions options = new SmtpServerOptionsBuilder()
                .ServerName("test")
                .Endpoint(endpoint => endpoint.Endpoint(new IPEndPoint(IPAddress.Loopback, server.Port)))
                .Build();
            server.serving = new SmtpServer.SmtpServer(options, services).StartAsync(server.stop.Token);
            if (await server.AnswersAsync())
                return server;
            await server.DisposeAsync(); // somebody else took the port
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        try
        {
            await serving;
        }
        catch (Exception stopped) when (stopped is SocketException or OperationCanceledException)
        {
            // The test is over, or the port was taken.
        }

        stop.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        while (!serving.IsCompleted)
        {
            try
            {
                using TcpClient client = new();
                await client.ConnectAsync(IPAddress.Loopback, Port);
                return true;
            }
            catch (SocketException)
            {
                await Task.Delay(20);
            }
        }

        return false;
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Store(MailServer server) : MessageStore
    {
        public override async Task<SmtpResponse> SaveAsync(
            ISessionContext context,
            IMessageTransaction transaction,
            ReadOnlySequence<byte> buffer,
            CancellationToken cancellationToken
        )
        {
            using MemoryStream text = new(buffer.ToArray());
            server.Mails.Enqueue(
                new ReceivedMail(
                    [.. transaction.To.Select(to => $"{to.User}@{to.Host}")],
                    await MimeMessage.LoadAsync(text, cancellationToken)
                )
            );
            return SmtpResponse.Ok;
        }
    }

    private sealed class Filter(bool refuses) : MailboxFilter
    {
        public override Task<bool> CanDeliverToAsync(
            ISessionContext context,
            IMailbox to,
            IMailbox from,
            CancellationToken cancellationToken
        ) =>
            refuses
                ? throw new SmtpResponseException(new SmtpResponse(SmtpReplyCode.MailboxUnavailable, "not here"))
                : Task.FromResult(true);
    }
}
