using System.CommandLine;
using System.Net;
using Durable.Cli.Client;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary><c>durable health</c>: shows whether the host is ready, part by part.</summary>
internal static class HealthCommand
{
    /// <summary>Exit 0 ready, 3 not ready or not there.</summary>
    public static Command Create(Connection connection, Screen screen) =>
        new Command("health", "Shows whether the host can take work.").Does(
            connection,
            screen,
            async (_, client, format, cancellation) =>
            {
                Answer answer = await client.SendAsync(
                    HttpMethod.Get,
                    "readyz",
                    json: null,
                    cancellation,
                    allow: [HttpStatusCode.ServiceUnavailable]
                );
                JsonView.Write(screen, format, answer.Body);
                return answer.Status == HttpStatusCode.OK ? ExitCode.Ok : ExitCode.Unreachable;
            }
        );
}
