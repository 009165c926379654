using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>Schedule of timer functions, for manual calls.</summary>
internal interface ITimerStatus
{
    /// <summary>Current schedule status of a timer function: last and next occurrence, not past due.</summary>
    /// <param name="function">Name as its attribute spells it.</param>
    ValueTask<TimerInfo> DescribeAsync(string function, CancellationToken cancellation);
}
