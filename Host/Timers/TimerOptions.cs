namespace Durable.Host.Timers;

/// <summary>Intervals of the timer service.</summary>
internal sealed record TimerOptions
{
    /// <summary>Lease of a firing: without renewal, another host fires the occurrence again after it. Default 10 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between renewals while a function runs. Default 3 s.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest sleep before reading the row and the database clock again. Default 1 min.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A call later than this is past due. Default 5 s.</summary>
    public TimeSpan PastDueAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How far the database clock must go back before occurrences already fired fire again. Default 1 h.</summary>
    public TimeSpan ClockSetBack { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Calls of one occurrence before it is given up; each took its host down. Default 3.</summary>
    public int MaxTries { get; init; } = 3;
}
