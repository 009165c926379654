using System.Collections.Concurrent;
using Durable.Operations.Leases;

namespace Durable.Tests.Fixtures;

/// <summary>A provider in memory that starts and stops at once unless told otherwise, and remembers what it was asked.</summary>
internal sealed class FakeMachines : IPaidMachines
{
    private readonly ConcurrentDictionary<string, string> states = new();

    public string Kind => "ec2";

    public TimeSpan LeastBilled => TimeSpan.FromSeconds(60);

    /// <summary><c>start i-1,i-2</c>, <c>stop i-1</c>, <c>force-stop i-1</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>A stop is taken and leads nowhere until it is forced.</summary>
    public bool StopHangs { get; set; }

    /// <summary>A forced stop leads nowhere either.</summary>
    public bool ForceHangs { get; set; }

    /// <summary>Machines stay pending.</summary>
    public bool StartHangs { get; set; }

    /// <summary>Runs before each call: name and ids. May throw.</summary>
    public Func<string, IReadOnlyList<string>, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public string this[string id]
    {
        get => states.GetValueOrDefault(id, "stopped");
        set => states[id] = value;
    }

    public bool AnyOn => states.Values.Any(state => state is not ("stopped" or "terminated" or "absent"));

    public async Task<IReadOnlyList<Machine>> DescribeAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        await Before("describe", ids);
        return [.. ids.Select(id => new Machine(id, this[id], "t3.medium", "10.0.0.1"))];
    }

    public async Task StartAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"start {string.Join(',', ids)}");
        await Before("start", ids);
        foreach (string id in ids)
            states[id] = StartHangs ? "pending" : "running";
    }

    public async Task StopAsync(IReadOnlyList<string> ids, bool force, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"{(force ? "force-stop" : "stop")} {string.Join(',', ids)}");
        await Before("stop", ids);
        foreach (string id in ids)
            states[id] = (force ? ForceHangs : StopHangs) ? "stopping" : "stopped";
    }
}
