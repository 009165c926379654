using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Hosting;

/// <summary>Addresses and keys from the command line and the environment, with the names of <c>func start</c> and ASP.NET Core.</summary>
/// <param name="Url">Addresses to listen on, separated by semicolons.</param>
/// <param name="RequireKeys"><c>--enableAuth</c> was given.</param>
/// <param name="NoAdminKey"><c>--no-admin-key</c> was given.</param>
internal sealed record HostArguments(string Url, bool RequireKeys, bool NoAdminKey)
{
    /// <summary>Arguments without a value; .NET's configuration would read the next word as their value.</summary>
    public static IReadOnlyList<string> Switches { get; } = ["--enableAuth", "--no-admin-key"];

    /// <summary>The port of <c>func start</c>.</summary>
    public const int DefaultPort = 7071;

    /// <summary>Reads, in this order: <c>--port</c> or <c>-p</c>, <c>--urls</c>, <c>FUNCTIONS_PORT</c>, <c>ASPNETCORE_URLS</c>; else
    /// http://127.0.0.1:7071. A port alone listens on loopback only.</summary>
    /// <exception cref="ArgumentException">The port is not a number from 0 to 65535.</exception>
    public static HostArguments Read(IReadOnlyList<string> args, IConfiguration configuration)
    {
        string? port = Value(args, "--port") ?? Value(args, "-p");
        string? urls = Value(args, "--urls");
        string url =
            port is not null ? Loopback(port, "--port")
            : urls is not null ? urls
            : configuration["FUNCTIONS_PORT"] is { Length: > 0 } setting ? Loopback(setting, "FUNCTIONS_PORT")
            : configuration["ASPNETCORE_URLS"] is { Length: > 0 } aspNet ? aspNet
            : Loopback(DefaultPort.ToString(CultureInfo.InvariantCulture), string.Empty);
        return new HostArguments(url, Has("--enableAuth"), Has("--no-admin-key"));

        bool Has(string name) => args.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    private static string Loopback(string port, string source) =>
        ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            ? $"http://127.0.0.1:{number}"
            : throw new ArgumentException($"{source} is '{port}', which is not a port: give a number from 0 (any free port) to 65535.");

    private static string? Value(IReadOnlyList<string> args, string name)
    {
        for (int i = 0; i < args.Count; i++)
        {
            if (args[i].StartsWith(name + "=", StringComparison.OrdinalIgnoreCase))
                return args[i][(name.Length + 1)..];
            if (args[i].Equals(name, StringComparison.OrdinalIgnoreCase) && i + 1 < args.Count)
                return args[i + 1];
        }
        return null;
    }
}
