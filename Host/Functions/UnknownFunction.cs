namespace Durable.Host.Functions;

/// <summary>The official text for an unknown function name, with the known names.</summary>
internal static class UnknownFunction
{
    /// <summary>For an orchestrator that does not exist.</summary>
    public static string Orchestrator(string name, IFunctionRuntime functions) => Text(name, "orchestrator", functions.OrchestratorNames);

    /// <summary>For an activity that does not exist.</summary>
    public static string Activity(string name, IFunctionRuntime functions) => Text(name, "activity", functions.ActivityNames);

    private static string Text(string name, string kind, IReadOnlyList<string> known) =>
        $"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. "
        + $"Additional info: The following are the known {kind} functions: {string.Join(", ", known.Select(function => $"'{function}'"))}";
}
