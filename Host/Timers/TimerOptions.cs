namespace Durable.Host.Timers;

/// <summary>Times of the timer service.</summary>
internal sealed record TimerOptions
{
    /// <summary>How long a firing stays this host's without a renewal: after its death another fires the occurrence again. Default 10
    /// s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between renewals while a function runs. Default 3 s.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest sleep before the row and the database clock are looked at again. Default 1 min.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A call later than this is past due. Default 5 s.</summary>
    public TimeSpan PastDueAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How far the database clock must have gone back before occurrences that were fired ahead of time are fired anew. Default 1
    /// h.</summary>
    public TimeSpan ClockSetBack { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Calls of one occurrence before it is given up: each before took its host down. Default 3.</summary>
    public int MaxTries { get; init; } = 3;
}
