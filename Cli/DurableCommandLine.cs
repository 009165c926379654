using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Durable.Cli.Client;
using Durable.Cli.Commands;
using Durable.Cli.Output;

namespace Durable.Cli;

/// <summary>The command tree of <c>durable</c>. To add a command: docs/command-line.md.</summary>
internal static partial class DurableCommandLine
{
    private const string Name = "durable";
    private const string NoCommand = "Required command was not provided.";

    /// <summary>Parses and runs one command line. Errors become a line and an exit code; only <see cref="OutOfMemoryException"/> and the
    /// like escape.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Screen screen, CancellationToken cancellation = default)
    {
        Command root = Create(screen);
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
            return Refuse(root, parsed, screen);

        // Results go to the screen; System.CommandLine's own output (help, version) comes here, with the name this program was called by.
        using StringWriter own = new();
        int code = await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = own,
                Error = screen.Error,
                EnableDefaultExceptionHandler = false,
            },
            cancellation
        );
        screen.Out.Write(Renamed(own.ToString()));
        return code;
    }

    /// <summary>The tree. One line per subject.</summary>
    internal static Command Create(Screen screen)
    {
        Connection connection = new();
        HelpOption help = new("--help", "-h") { Recursive = true };
        if (help.Action is HelpAction action)
            action.MaxWidth = screen.Width;
        Command root = new(Name, "Starts, watches and controls the runs of a Durable app over HTTP.")
        {
            connection.Url,
            connection.Key,
            connection.Output,
            connection.Wide,
            help,
            ProgramVersion.Create(),
            ClimateCommands.Create(connection, screen),
            PotholeCommands.Create(connection, screen),
            BenchmarkCommands.Create(connection, screen),
            ReturnsCommands.Create(connection, screen),
            SpotCommands.Create(connection, screen),
            InstanceCommands.Create(connection, screen),
            TimerCommands.Create(connection, screen),
            FunctionCommands.Create(connection, screen),
            LeaseCommands.Create(connection, screen),
            OptionsCommand.Create(connection, screen),
            HealthCommand.Create(connection, screen),
        };
        root.Add(CompletionCommands.Script(screen));
        root.Add(CompletionCommands.Complete(root, screen));
        return root;
    }

    private static int Refuse(Command root, ParseResult parsed, Screen screen)
    {
        List<string> messages = [.. parsed.Errors.Select(e => e.Message).Distinct()];
        if (messages is [NoCommand])
        {
            using StringWriter help = new();
            root.Parse([.. Path(parsed.CommandResult).Skip(1), "--help"])
                .Invoke(new InvocationConfiguration { Output = help, Error = screen.Error });
            screen.Error.Write(Renamed(help.ToString()));
            return ExitCode.BadUsage;
        }
        foreach (string message in messages.Where(m => m != NoCommand))
            screen.Say(message);
        screen.Say($"See {Screen.Command} {string.Join(' ', Path(parsed.CommandResult).Skip(1).Append("--help"))}");
        return ExitCode.BadUsage;
    }

    private static IEnumerable<string> Path(CommandResult command) =>
        (command.Parent is CommandResult parent ? Path(parent) : []).Append(command.Command.Name);

    // No command of System.CommandLine may have a space in its name, as "./run cli" has.
    private static string Renamed(string help) =>
        UsageLine().Replace(help, match => match.Value.Replace(Name, Screen.Command, StringComparison.Ordinal));

    [GeneratedRegex($"^  {Name}(?= |$)", RegexOptions.Multiline)]
    private static partial Regex UsageLine();
}
