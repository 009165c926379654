using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Durable.Cli.Commands;

/// <summary><c>--version</c>: this program's version, with its commit if known.</summary>
internal static class ProgramVersion
{
    /// <summary>The option.</summary>
    public static Option<bool> Create() => new("--version") { Description = "Shows the version of this program", Action = new Print() };

    private static string Text()
    {
        string version =
            typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
        return version.Split('+') is [string number, { Length: >= 12 } commit] ? $"{number} (commit {commit[..12]})" : version;
    }

    private sealed class Print : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine("durable " + Text());
            return ExitCode.Ok;
        }
    }
}
