using Microsoft.DurableTask;

namespace Durable.Tests.Host.Abstractions;

/// <summary>Failure details, retry policies and names: what users of the official types rely on.</summary>
public sealed class FailureTests
{
    [Fact]
    public void Details_keep_the_chain_and_the_first_of_several()
    {
        AggregateException several = new("several", new TimeoutException("one"), new FormatException("two"));
        TaskFailureDetails details = TaskFailureDetails.FromException(new InvalidOperationException("outer", several));

        Assert.Equal(("System.InvalidOperationException", "outer"), (details.ErrorType, details.ErrorMessage));
        Assert.Equal("System.AggregateException", details.InnerFailure!.ErrorType);
        Assert.Equal(("System.TimeoutException", "one"), (details.InnerFailure.InnerFailure!.ErrorType, details.InnerFailure.InnerFailure.ErrorMessage));
        Assert.Equal("System.InvalidOperationException: outer", details.ToString());
    }

    [Fact]
    public void A_cause_is_found_by_type_and_base_type_also_of_the_apps_own()
    {
        TaskFailureDetails details = TaskFailureDetails.FromException(new OwnException("x"));

        Assert.True(details.IsCausedBy<OwnException>());
        Assert.True(details.IsCausedBy<InvalidOperationException>());
        Assert.False(details.IsCausedBy<TimeoutException>());
        Assert.Throws<ArgumentException>(() => details.IsCausedBy(typeof(string)));
    }

    [Fact]
    public void A_failed_task_names_its_call_and_carries_its_cause()
    {
        TaskFailedException failure = new("Explode", 3, new OwnException("no power"));

        Assert.Equal("Task 'Explode' (#3) failed with an unhandled exception: no power", failure.Message);
        Assert.True(failure.IsCausedByException<OwnException>());
    }

    [Theory, InlineData(0, 1, 1.0, 1, 1, "maxNumberOfAttempts"), InlineData(1, 0, 1.0, 1, 1, "firstRetryInterval"), InlineData(1, 1, 0.5, 1, 1, "backoffCoefficient"),
        InlineData(1, 2, 1.0, 1, 2, "maxRetryInterval"), InlineData(1, 2, 1.0, 2, 1, "retryTimeout")]
    public void A_policy_names_the_value_that_is_out_of_range(int attempts, int first, double backoff, int most, int timeout, string named) =>
        Assert.Equal(named, Assert.Throws<ArgumentOutOfRangeException>(() =>
            new RetryPolicy(attempts, TimeSpan.FromSeconds(first), backoff, TimeSpan.FromSeconds(most), TimeSpan.FromSeconds(timeout))).ParamName);

    [Fact]
    public void Names_compare_without_case()
    {
        Assert.Equal(new TaskName("Stop"), new TaskName("STOP"));
        Assert.Equal(new TaskName("Stop").GetHashCode(), new TaskName("STOP").GetHashCode());
        Assert.True((TaskName)"a" != (TaskName)"b");
    }

    private sealed class OwnException(string message) : InvalidOperationException(message);
}
