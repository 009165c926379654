using Durable.Cli;
using Durable.Cli.Output;

namespace Durable.Tests.Cli;

/// <summary>One command line, run in this process as if no terminal were there.</summary>
internal sealed record CliCall(int ExitCode, string Out, string Error)
{
    public static async Task<CliCall> RunAsync(FakeHost host, params string[] args) => await RunAsync([.. args, "--url", host.Url]);

    public static async Task<CliCall> RunAsync(string[] args, CancellationToken cancellation = default)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await DurableCommandLine.RunAsync(args, new Screen(TextWriter.Synchronized(output), TextWriter.Synchronized(error), Interactive: false), cancellation);
        return new CliCall(code, output.ToString(), error.ToString());
    }
}
