using Microsoft.AspNetCore.Http;

namespace Durable.Host.Management;

/// <summary>The operations of the management API.</summary>
internal enum ManagementOperation
{
    Start,
    Status,
    List,
    Purge,
    PurgeMany,
    RaiseEvent,
    Terminate,
    Suspend,
    Resume,
    Rewind,
    Restart,
}

/// <summary>An operation with the names in its path.</summary>
/// <param name="Operation">What to do.</param>
/// <param name="InstanceId">The instance; empty when none is named.</param>
/// <param name="Name">Function to start or event to raise; empty otherwise.</param>
/// <param name="Exact">Whether only this exact id is meant: the request's key was signed for it and opens no other.</param>
internal readonly record struct ManagementRoute(ManagementOperation Operation, string InstanceId = "", string Name = "", bool Exact = false)
{
    /// <summary>
    /// Reads the path below the API's base. Kestrel has decoded it once, except for %2F; ids contain no slash, so such a path matches
    /// nothing.
    /// </summary>
    /// <returns>Null for a path or verb that does not exist: 404, never 405.</returns>
    public static ManagementRoute? Read(string method, string path)
    {
        string[] parts = path.Trim('/').Split('/');
        if (parts.Contains(string.Empty) || path.Contains("%2F", StringComparison.OrdinalIgnoreCase))
            return null;
        bool post = HttpMethods.IsPost(method);
        return (parts[0].ToUpperInvariant(), parts.Length) switch
        {
            ("ORCHESTRATORS", 2) when post => new(ManagementOperation.Start, Name: parts[1]),
            ("ORCHESTRATORS", 3) when post => new(ManagementOperation.Start, parts[2], parts[1]),
            ("INSTANCES", 1) when HttpMethods.IsGet(method) => new(ManagementOperation.List),
            ("INSTANCES", 1) when HttpMethods.IsDelete(method) => new(ManagementOperation.PurgeMany),
            ("INSTANCES", 2) when HttpMethods.IsGet(method) => new(ManagementOperation.Status, parts[1]),
            ("INSTANCES", 2) when HttpMethods.IsDelete(method) => new(ManagementOperation.Purge, parts[1]),
            ("INSTANCES", 3) when post => Command(parts[2]) is { } operation ? new(operation, parts[1]) : null,
            ("INSTANCES", 4) when post && parts[2].Equals("raiseEvent", StringComparison.OrdinalIgnoreCase) => new(
                ManagementOperation.RaiseEvent,
                parts[1],
                parts[3]
            ),
            _ => null,
        };
    }

    /// <summary>Whether an instance's link key may open it: everything except starts, listings and purges by filter.</summary>
    public bool IsOfOneInstance =>
        Operation is not (ManagementOperation.Start or ManagementOperation.List or ManagementOperation.PurgeMany);

    private static ManagementOperation? Command(string word) =>
        word.ToUpperInvariant() switch
        {
            "TERMINATE" => ManagementOperation.Terminate,
            "SUSPEND" => ManagementOperation.Suspend,
            "RESUME" => ManagementOperation.Resume,
            "REWIND" => ManagementOperation.Rewind,
            "RESTART" => ManagementOperation.Restart,
            _ => null,
        };
}
