namespace Microsoft.Azure.Functions.Worker;

/// <summary>Addresses under which an instance is watched and steered. JSON keeps the names and their order.</summary>
public class HttpManagementPayload
{
    /// <summary>Instance id.</summary>
    public string? Id { get; internal set; }

    /// <summary>GET: the status.</summary>
    public string? StatusQueryGetUri { get; internal set; }

    /// <summary>POST: an event; <c>{eventName}</c> is to be replaced.</summary>
    public string? SendEventPostUri { get; internal set; }

    /// <summary>POST: terminate; <c>{{text}}</c> is to be replaced by the reason.</summary>
    public string? TerminatePostUri { get; internal set; }

    /// <summary>Always null, as in the Functions worker.</summary>
    public string? RewindPostUri { get; internal set; }

    /// <summary>DELETE: purge.</summary>
    public string? PurgeHistoryDeleteUri { get; internal set; }

    /// <summary>Always null, as in the Functions worker.</summary>
    public string? RestartPostUri { get; internal set; }

    /// <summary>POST: suspend.</summary>
    public string? SuspendPostUri { get; internal set; }

    /// <summary>POST: resume.</summary>
    public string? ResumePostUri { get; internal set; }
}
