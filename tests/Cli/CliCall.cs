using Durable.Cli;
using Durable.Cli.Output;

namespace Durable.Tests.Cli;

/// <summary>One command line, run in this process as if no terminal were there.</summary>
internal sealed record CliCall(int ExitCode, string Out, string Error)
{
    public static async Task<CliCall> RunAsync(FakeHost host, params string[] args) => await RunAsync([.. args, "--url", host.Url]);

    public static Task<CliCall> RunAsync(string[] args, CancellationToken cancellation = default) =>
        RunAsync(args, Screen.PipedWidth, cancellation);

    /// <summary>With room for <paramref name="width"/> columns, on 2026-11-26 at 12:00 in UTC.</summary>
    public static async Task<CliCall> RunAsync(
        string[] args,
        int width,
        CancellationToken cancellation = default,
        string? owner = null,
        bool onSandbox = false
    )
    {
        using StringWriter output = new();
        using StringWriter error = new();
        Screen screen = new(TextWriter.Synchronized(output), TextWriter.Synchronized(error), Interactive: false)
        {
            Width = width,
            Clock = new Noon(),
            Owner = owner,
            SandboxOf = onSandbox ? "./run pothole" : null,
        };
        int code = await DurableCommandLine.RunAsync(args, screen, cancellation);
        return new CliCall(code, output.ToString(), error.ToString());
    }

    /// <summary>2026-11-26 12:00, in UTC.</summary>
    internal sealed class Noon : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
    }
}
