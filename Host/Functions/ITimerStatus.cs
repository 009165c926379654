using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>Knows the schedule of timer functions; asked when one is called by hand.</summary>
internal interface ITimerStatus
{
    /// <summary>Schedule status of a timer function as of now: last and next occurrence, not past due.</summary>
    /// <param name="function">Name in the spelling of its attribute.</param>
    ValueTask<TimerInfo> DescribeAsync(string function, CancellationToken cancellation);
}
