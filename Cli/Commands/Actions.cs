using System.CommandLine;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary>Binds a command's action to a connection, and turns expected failures into a line and an exit code.</summary>
internal static class Actions
{
    /// <summary>Sets the action of <paramref name="command"/> and returns it.</summary>
    public static Command Does(
        this Command command,
        Connection connection,
        Screen screen,
        Func<ParseResult, DurableClient, OutputFormat, CancellationToken, Task<int>> action
    )
    {
        command.SetAction(
            async (parsed, cancellation) =>
            {
                try
                {
                    screen.Wide = parsed.GetValue(connection.Wide);
                    using DurableClient client = connection.Open(parsed);
                    return await action(parsed, client, parsed.GetValue(connection.Output), cancellation);
                }
                catch (CommandFailedException e)
                {
                    screen.Say(e.Message);
                    return e.Code;
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    return ExitCode.Detached;
                }
            }
        );
        return command;
    }
}
