using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace Durable.Operations;

/// <summary>Errors that stop the app's start, one sentence each: the setting, its value, what is allowed, where to set it. A bug keeps its
/// stack trace.</summary>
public static partial class StartErrors
{
    /// <summary>Exit code of a process ended by SIGTERM.</summary>
    private const int Stopped = 143;

    private const string Where = "Set it in the environment or under Values in local.settings.json.";

    /// <summary>From now on a settings error ends the process with exit code 1 and its sentences on standard error.</summary>
    public static void SayInOneSentence() =>
        AppDomain.CurrentDomain.UnhandledException += (_, unhandled) =>
        {
            if (unhandled.ExceptionObject is OperationCanceledException)
                Environment.Exit(Stopped); // stopped during the start
            if (unhandled.ExceptionObject is not Exception error || Explain(error) is not { Length: > 0 } text)
                return;
            foreach (string line in text.Split(Environment.NewLine))
                Console.Error.WriteLine("Cannot start: " + line);
            Environment.Exit(1);
        };

    /// <summary>The sentences, one per line; null when it is not a settings error.</summary>
    public static string? Explain(Exception error) =>
        error switch
        {
            OptionsValidationException invalid => string.Join(Environment.NewLine, [.. invalid.Failures.Select(Failure), Where]),
            _ when NoValue().Match(error.Message) is { Success: true } match => NotOfType(match),
            ArgumentException when error.StackTrace?.Contains("ConnectionString", StringComparison.Ordinal) == true =>
                $"Setting {OperationsServices.ConnectionSetting} is not a valid connection string ({error.Message.Split(" (Parameter")[0].TrimEnd('.')}); allowed: Host=127.0.0.1;Port=5432;Username=durable;Password=...;Database=durable. {Where}",
            ArgumentException when error.Message.Contains("not a port", StringComparison.Ordinal) => error.Message,
            IOException { InnerException: { InnerException: SocketException socket } } when IsOfAddress(socket) => OtherPort(error),
            IOException { InnerException: SocketException socket } when IsOfAddress(socket) => OtherPort(error),
            { InnerException: { } inner } => Explain(inner),
            _ => null,
        };

    private static bool IsOfAddress(SocketException error) =>
        error.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable or SocketError.AccessDenied;

    private static string OtherPort(Exception error) =>
        $"{error.Message.TrimEnd('.')}. Choose another port: --port N, or FUNCTIONS_PORT in the environment.";

    private static string Failure(string failure) =>
        Annotation().Match(failure) is { Success: true } match
            ? $"{match.Groups["section"].Value}__{match.Groups["member"].Value}: {match.Groups["error"].Value}"
            : failure;

    private static string NotOfType(Match match)
    {
        string allowed = match.Groups["type"].Value switch
        {
            "Int32" or "Int64" => "a whole number",
            "Double" or "Single" or "Decimal" => "a number",
            "Boolean" => "true or false",
            "TimeSpan" => "a time span as hours:minutes:seconds, such as 02:00:00",
            var type => $"a value of {type}",
        };
        return $"Setting {match.Groups["key"].Value.Replace(":", "__", StringComparison.Ordinal)} is '{match.Groups["value"].Value}'; "
            + $"allowed: {allowed}. {Where}";
    }

    [GeneratedRegex(@"Failed to convert configuration value '(?<value>.*)' at '(?<key>[^']+)' to type 'System\.(?<type>\w+)'")]
    private static partial Regex NoValue();

    [GeneratedRegex(
        @"^DataAnnotation validation failed for '(?<section>\w+)Options' members: '(?<member>\w+)' with the error: '(?<error>.*)'\.$"
    )]
    private static partial Regex Annotation();
}
