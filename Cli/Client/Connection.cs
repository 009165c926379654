using System.CommandLine;

namespace Durable.Cli.Client;

/// <summary>Format of results.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For programs: only the host's answer on standard output.</summary>
    Json,
}

/// <summary>The options of every command: the host's address, its key, the output format.</summary>
internal sealed class Connection
{
    /// <summary>Default: <c>DURABLE_URL</c>, else the port of <c>func start</c> on this machine.</summary>
    public Option<string?> Url { get; } =
        new("--url") { Description = "Address of the host; default DURABLE_URL, else http://127.0.0.1:7071", Recursive = true };

    /// <summary>Not needed on loopback.</summary>
    public Option<string?> Key { get; } =
        new("--key")
        {
            Description = "Key of the host; default DURABLE_KEY, which is safer: other users can see command lines",
            Recursive = true,
        };

    /// <summary>Default: for people.</summary>
    public Option<OutputFormat> Output { get; } = OutputOption();

    /// <summary>Tables as wide as their contents.</summary>
    public Option<bool> Wide { get; } = new("--wide") { Description = "Tables show every column in full, however wide", Recursive = true };

    /// <summary>The client for the parsed options.</summary>
    /// <exception cref="CommandFailedException">The address is invalid.</exception>
    public DurableClient Open(ParseResult parsed)
    {
        // Read here, not as default values: help prints those, and a key must not be printed.
        string text = parsed.GetValue(Url) ?? Setting("DURABLE_URL") ?? "http://127.0.0.1:7071";
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? new DurableClient(url, parsed.GetValue(Key) ?? Setting("DURABLE_KEY"))
            : throw new CommandFailedException(ExitCode.BadUsage, $"--url is '{text}', not an address such as http://127.0.0.1:7071.");
    }

    private static Option<OutputFormat> OutputOption()
    {
        Option<OutputFormat> option = new("--output", "-o")
        {
            Description = "table or json; default table",
            Recursive = true,
            CustomParser = result =>
            {
                string word = result.Tokens[0].Value;
                if (word.Equals("json", StringComparison.OrdinalIgnoreCase))
                    return OutputFormat.Json;
                if (!word.Equals("table", StringComparison.OrdinalIgnoreCase))
                    result.AddError($"--output is '{word}'; allowed are table, json.");
                return OutputFormat.Table;
            },
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add(_ => [new("table"), new("json")]);
        return option;
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
