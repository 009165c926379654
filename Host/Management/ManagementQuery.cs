using System.Globalization;
using Durable.Host.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Management;

/// <summary>Reads the query string as the extension does: an unreadable value counts as absent.</summary>
internal static class ManagementQuery
{
    /// <summary>Default page size, in instances.</summary>
    public const int DefaultTop = 100;

    /// <summary>Largest page size, in instances. The page's bytes are also limited, because it includes inputs and outputs.</summary>
    public const int MostTop = 1000;

    private static readonly string[] Common = ["taskHub", "connection", "code"];

    /// <summary>Statuses of ended instances: only these are purged.</summary>
    public static IReadOnlyList<OrchestrationRuntimeStatus> Finished { get; } =
    [OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated];

    /// <summary>The parameters of a call that destroys or starts something; null for other calls, which ignore unknown parameters, as the
    /// extension does.</summary>
    public static IReadOnlyList<string>? Parameters(ManagementOperation operation) =>
        operation switch
        {
            ManagementOperation.Purge => Common,
            ManagementOperation.PurgeMany => ["createdTimeFrom", "createdTimeTo", "runtimeStatus", .. Common],
            ManagementOperation.Terminate => ["reason", .. Common],
            ManagementOperation.Restart => ["restartWithNewInstanceId", "timeout", "pollingInterval", "showInput", .. Common],
            _ => null,
        };

    /// <summary>The first unknown parameter of such a call: a misspelled filter would destroy more than meant.</summary>
    public static string? UnknownParameter(IQueryCollection query, ManagementOperation operation) =>
        Parameters(operation) is { } known
            ? query.Keys.FirstOrDefault(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase))
            : null;

    /// <summary>true or false in any case; anything else is <paramref name="otherwise"/>.</summary>
    public static bool Flag(this IQueryCollection query, string name, bool otherwise) =>
        bool.TryParse(query[name], out bool value) ? value : otherwise;

    /// <summary>A text, null when absent.</summary>
    /// <exception cref="ArgumentException">It cannot be stored.</exception>
    public static string? Text(this IQueryCollection query, string name)
    {
        string? text = query.TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues values) ? values.ToString() : null;
        InstanceIds.CheckText(text, name);
        return text;
    }

    /// <summary>Seconds, with fraction; null when absent or not a number.</summary>
    public static TimeSpan? Seconds(this IQueryCollection query, string name) =>
        double.TryParse(query[name], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && !double.IsNaN(seconds)
            ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, TimeSpan.FromDays(24).TotalSeconds))
            : null;

    /// <summary>A time; without an offset it is UTC. Null when absent or unreadable.</summary>
    public static DateTimeOffset? Time(this IQueryCollection query, string name) =>
        DateTimeOffset.TryParse(query[name], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : null;

    /// <summary>Statuses, separated by commas or given repeatedly, spelled exactly; <paramref name="unknown"/> is the first invalid
    /// one.</summary>
    public static IReadOnlyList<OrchestrationRuntimeStatus> Statuses(this IQueryCollection query, out string? unknown)
    {
        List<OrchestrationRuntimeStatus> statuses = [];
        unknown = null;
        foreach (string word in query["runtimeStatus"].SelectMany(v => v?.Split(',') ?? []))
        {
            if (Enum.TryParse(word, out OrchestrationRuntimeStatus status))
                statuses.Add(status);
            else
                unknown ??= word;
        }

        return statuses;
    }

    /// <summary>The filter of a listing with its page size; null when nothing can match.</summary>
    /// <exception cref="ArgumentOutOfRangeException">top is negative.</exception>
    public static InstanceQuery? Listing(HttpRequest request)
    {
        IQueryCollection query = request.Query;
        int top = int.TryParse(query["top"], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given)
            ? given
            : DefaultTop;
        ArgumentOutOfRangeException.ThrowIfNegative(top);
        string? prefix = query["instanceIdPrefix"];
        if (
            top == 0
            || (prefix is not null && !InstanceIds.IsStorable(prefix))
            || !PageToken.TryRead(request.Headers["x-ms-continuation-token"], out string? after)
        )
            return null;
        return new InstanceQuery(
            query.Time("createdTimeFrom"),
            query.Time("createdTimeTo"),
            query.Statuses(out _),
            prefix,
            Math.Min(top, MostTop),
            after,
            Payloads: true,
            Inputs: query.Flag("showInput", otherwise: true),
            NewestFirst: query.Flag("newestFirst", otherwise: false)
        );
    }
}
