using System.CommandLine;
using System.CommandLine.Help;
using Durable.Cli.Client;
using Durable.Cli.Commands;
using Durable.Cli.Output;

namespace Durable.Cli;

/// <summary>The command tree of <c>durable</c>.</summary>
internal static class DurableCommandLine
{
    /// <summary>Parses and runs one command line. Nothing escapes but <see cref="OutOfMemoryException"/> and its kind: errors become a line and a code.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Screen screen, CancellationToken cancellation = default)
    {
        Command root = Create(screen);
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (string message in parsed.Errors.Select(e => e.Message).Distinct())
                screen.Say(message);
            screen.Say($"See {string.Join(' ', Path(parsed.CommandResult))} --help");
            return ExitCode.BadUsage;
        }
        return await parsed.InvokeAsync(
            new InvocationConfiguration { Output = screen.Out, Error = screen.Error, EnableDefaultExceptionHandler = false },
            cancellation);
    }

    private static Command Create(Screen screen)
    {
        Connection connection = new();
        Command root = new("durable", "Starts, watches and steers the runs of a Durable app over HTTP.")
        {
            connection.Url, connection.Key, connection.Output,
            new HelpOption { Recursive = true },
            ClimateCommands.Create(connection, screen),
            new Command("plan", "Shows what a run would do, and why, without doing it.") { ClimateCommands.Plan(connection, screen, "climate") },
            PotholeCommands.Create(connection, screen),
            BenchmarkCommands.Create(connection, screen),
            ReturnsCommands.Create(connection, screen),
            SpotCommands.Create(connection, screen),
            InstanceCommands.Create(connection, screen),
            LeaseCommands.Create(connection, screen),
            HealthCommand.Create(connection, screen),
        };
        return root;
    }

    private static IEnumerable<string> Path(System.CommandLine.Parsing.CommandResult command) =>
        (command.Parent is System.CommandLine.Parsing.CommandResult parent ? Path(parent) : []).Append(command.Command.Name);
}
