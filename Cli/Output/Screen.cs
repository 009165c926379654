using Spectre.Console;

namespace Durable.Cli.Output;

/// <summary>Where results (<see cref="Out"/>) and messages (<see cref="Error"/>) go.</summary>
/// <param name="Out">Results, nothing else: it may be a pipe.</param>
/// <param name="Error">Progress when not interactive, messages, errors.</param>
/// <param name="Interactive">A terminal reads <see cref="Out"/>: colours, a moving bar.</param>
internal sealed record Screen(TextWriter Out, TextWriter Error, bool Interactive)
{
    /// <summary>How the reader calls this program: <c>durable</c>, unless whoever started it says otherwise.</summary>
    public static string Command => Environment.GetEnvironmentVariable("DURABLE_COMMAND") is { Length: > 0 } command ? command : "durable";

    /// <summary>The console of this process.</summary>
    public static Screen OfThisProcess() => new(Console.Out, Console.Error, !Console.IsOutputRedirected);

    /// <summary>One line for people.</summary>
    public void Say(string message) => Error.WriteLine(message);

    /// <summary>Spectre on <see cref="Out"/>: without escape codes, and as wide as the content asks, when no terminal reads it.</summary>
    public IAnsiConsole Spectre()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Out),
            Ansi = Interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = Interactive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = Interactive ? InteractionSupport.Yes : InteractionSupport.No, // a bar moves although nobody can type: standard input may be closed
        });
        if (!Interactive)
            console.Profile.Width = 1000;
        return console;
    }
}
