namespace Durable.Host.Hosting;

/// <summary>Whether functions are served. A host that cannot run (invalid host.json, no database) still answers HTTP with 503; the reason
/// is in the log and in <c>/admin/host/status</c>. Safe for many threads.</summary>
internal sealed class HostState
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, string> errors = [];

    /// <summary>Raised after every change of <see cref="IsRunning"/> or of the errors.</summary>
    public event Action? Changed;

    /// <summary>True while nothing is wrong.</summary>
    public bool IsRunning => Errors.Count == 0;

    /// <summary>The Functions host's name for the state: <c>Running</c> or <c>Error</c>.</summary>
    public string Name => IsRunning ? "Running" : "Error";

    /// <summary>What is wrong, one message per part of the host; empty when running.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (gate)
                return [.. this.errors.Values];
        }
    }

    /// <summary>Reports that <paramref name="part"/> cannot work, and why. Calling again replaces the message.</summary>
    /// <param name="part">Reporting part: <c>host.json</c>, <c>engine</c>.</param>
    /// <param name="message">For the operator; must hold no secret.</param>
    public void Fail(string part, string message)
    {
        lock (gate)
            this.errors[part] = message;
        Changed?.Invoke();
    }

    /// <summary>Reports that <paramref name="part"/> works again. Without an earlier failure it does nothing.</summary>
    public void Recover(string part)
    {
        bool changed;
        lock (gate)
            changed = this.errors.Remove(part);
        if (changed)
            Changed?.Invoke();
    }
}
