using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Durable.Tests.Fixtures;

/// <summary>What came by mail, headers and body as they were sent.</summary>
internal sealed record ReceivedMail(string Sender, IReadOnlyList<string> Receivers, string Text);

/// <summary>A small SMTP server on a free port of 127.0.0.1 that keeps what it is given.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Task serving;

    public MailServer()
    {
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        serving = ServeAsync();
    }

    public int Port { get; }

    /// <summary>Takes no receiver.</summary>
    public bool Refuses { get; init; }

    public ConcurrentQueue<ReceivedMail> Mails { get; } = [];

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                await TalkAsync(client.GetStream());
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException or IOException)
        {
            // The test is over.
        }
    }

    private async Task TalkAsync(Stream stream)
    {
        using StreamReader reader = new(stream, Encoding.UTF8);
        await using StreamWriter writer = new(stream) { NewLine = "\r\n", AutoFlush = true };
        string sender = "";
        List<string> receivers = [];
        await writer.WriteLineAsync("220 test");
        while (await reader.ReadLineAsync() is { } line)
        {
            string word = line.Split(' ')[0].ToUpperInvariant();
            if (word == "MAIL") sender = Address(line);
            if (word == "RCPT" && !Refuses) receivers.Add(Address(line));
            await writer.WriteLineAsync(word switch { "RCPT" when Refuses => "550 not here", "DATA" => "354 go on", "QUIT" => "221 bye", _ => "250 ok" });
            if (word == "QUIT") return;
            if (word != "DATA") continue;
            StringBuilder text = new();
            while (await reader.ReadLineAsync() is { } part && part != ".") text.Append(part).Append("\r\n");
            Mails.Enqueue(new ReceivedMail(sender, [.. receivers], text.ToString()));
            await writer.WriteLineAsync("250 taken");
        }
    }

    private static string Address(string line) => line[(line.IndexOf('<') + 1)..line.IndexOf('>')];
}
