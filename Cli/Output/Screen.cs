using System.Globalization;
using Spectre.Console;

namespace Durable.Cli.Output;

/// <summary>Targets of results (<see cref="Out"/>) and messages (<see cref="Error"/>).</summary>
/// <param name="Out">Results, nothing else: it may be a pipe.</param>
/// <param name="Error">Progress when not interactive, messages, errors.</param>
/// <param name="Interactive">A terminal reads <see cref="Out"/>: a moving bar, lines around tables.</param>
internal sealed record Screen(TextWriter Out, TextWriter Error, bool Interactive)
{
    /// <summary>Width without a terminal, unless COLUMNS sets it.</summary>
    public const int PipedWidth = 120;

    /// <summary>Name of this program for the reader: <c>durable</c>, unless DURABLE_COMMAND sets another.</summary>
    public static string Command => Environment.GetEnvironmentVariable("DURABLE_COMMAND") is { Length: > 0 } command ? command : "durable";

    /// <summary>Columns a table may take.</summary>
    public int Width { get; init; } = PipedWidth;

    /// <summary>False with NO_COLOR, which also switches off bold.</summary>
    public bool Colours { get; init; } = true;

    /// <summary>Tables show everything, however wide. Set by <c>--wide</c>.</summary>
    public bool Wide { get; set; }

    /// <summary>The command that started the app and stops it when it ends, as <c>./run</c> does (DURABLE_OWNER); null: the host runs on
    /// its own.</summary>
    public string? Owner { get; init; }

    /// <summary>The command whose sandbox ends with it, and with that the machines of its runs (DURABLE_SANDBOX); null: they are not a
    /// sandbox's.</summary>
    public string? SandboxOf { get; init; }

    /// <summary>Now, and the time zone of the reader.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The console of this process.</summary>
    public static Screen OfThisProcess() =>
        new(Console.Out, Console.Error, !Console.IsOutputRedirected)
        {
            Width = Console.IsOutputRedirected ? Columns() ?? PipedWidth : TerminalWidth(),
            Colours = Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 },
            Owner = Environment.GetEnvironmentVariable("DURABLE_OWNER") is { Length: > 0 } owner ? owner : null,
            SandboxOf = Environment.GetEnvironmentVariable("DURABLE_SANDBOX") is { Length: > 0 } sandbox ? sandbox : null,
        };

    /// <summary>Writes one message line.</summary>
    public void Say(string message) => Error.WriteLine(message);

    /// <summary>Spectre on <see cref="Out"/>: without escape codes when it is not a terminal.</summary>
    public IAnsiConsole Spectre()
    {
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(Out),
                Ansi = Interactive ? AnsiSupport.Detect : AnsiSupport.No,
                ColorSystem = Interactive && Colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
                Interactive = Interactive ? InteractionSupport.Yes : InteractionSupport.No, // a bar moves even with standard input closed
            }
        );
        console.Profile.Width = Wide ? 10_000 : Width;
        return console;
    }

    private static int? Columns() =>
        int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int columns)
        && columns >= 40
            ? columns
            : null;

    private static int TerminalWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and int width ? Math.Max(width, 40) : Columns() ?? 80;
        }
        catch (IOException)
        {
            return Columns() ?? 80; // a terminal of unknown size
        }
    }
}
