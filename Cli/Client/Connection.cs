using System.CommandLine;

namespace Durable.Cli.Client;

/// <summary>How results are written.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>What the host answered, for programs: nothing else goes to standard output.</summary>
    Json,
}

/// <summary>The options that every command has: where the host is, the key that opens it, how to write.</summary>
internal sealed class Connection
{
    /// <summary>Default: <c>DURABLE_URL</c>, else the port of <c>func start</c> on this machine.</summary>
    public Option<string?> Url { get; } = new("--url")
    {
        Description = "Address of the host; default DURABLE_URL, else http://127.0.0.1:7071",
        Recursive = true,
    };

    /// <summary>Not needed on loopback.</summary>
    public Option<string?> Key { get; } = new("--key")
    {
        Description = "Key of the host; default DURABLE_KEY. Better there than here: other users see command lines",
        Recursive = true,
    };

    /// <summary>Default: for people.</summary>
    public Option<OutputFormat> Output { get; } = new("--output", "-o")
    {
        Description = "table or json; default table",
        Recursive = true,
    };

    /// <summary>The client that the parsed options ask for.</summary>
    /// <exception cref="CommandFailedException">The address is none.</exception>
    public DurableClient Open(ParseResult parsed)
    {
        // Read here, not as default values: help prints those, and a key is nobody's to print.
        string text = parsed.GetValue(Url) ?? Setting("DURABLE_URL") ?? "http://127.0.0.1:7071";
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? new DurableClient(url, parsed.GetValue(Key) ?? Setting("DURABLE_KEY"))
            : throw new CommandFailedException(ExitCode.BadUsage, $"The address of the host is '{text}': it begins with http:// or https://");
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
