using Microsoft.DurableTask;

namespace Durable.Tests.Host.Abstractions;

public sealed class RetryPolicyTests
{
    // Recorded: contract scenario retry-bad-policy. Orchestrations that fail this way show the text as their output.
    [Theory]
    [InlineData(0, 1, 1, null, null, "The value for maxNumberOfAttempts must be greater than zero. (Parameter 'maxNumberOfAttempts')\nActual value was 0.")]
    [InlineData(3, 0, 1, null, null, "The value for firstRetryInterval must be greater than zero. (Parameter 'firstRetryInterval')\nActual value was 00:00:00.")]
    [InlineData(3, 1, 0.5, null, null, "The value for backoffCoefficient must be greater or equal to 1.0. (Parameter 'backoffCoefficient')\nActual value was 0.5.")]
    [InlineData(3, 5, 1, 1, null, "The value for maxRetryInterval must be greater or equal to the value for firstRetryInterval. (Parameter 'maxRetryInterval')\nActual value was 00:00:01.")]
    [InlineData(3, 5, 1, null, 1, "The value for retryTimeout must be greater or equal to the value for firstRetryInterval. (Parameter 'retryTimeout')\nActual value was 00:00:01.")]
    public void A_value_outside_its_range_is_refused_in_the_recorded_words(int attempts, int first, double backoff, int? max, int? timeout, string text)
    {
        ArgumentOutOfRangeException refused = Assert.Throws<ArgumentOutOfRangeException>(
            () => new RetryPolicy(attempts, Seconds(first)!.Value, backoff, Seconds(max), Seconds(timeout)));

        Assert.Equal(text, refused.Message.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void The_smallest_values_allowed_are_accepted()
    {
        RetryPolicy policy = new(1, TimeSpan.FromTicks(1), 1, TimeSpan.FromTicks(1), TimeSpan.FromTicks(1));

        Assert.Equal((1, 1L, 1L), (policy.MaxNumberOfAttempts, policy.MaxRetryInterval.Ticks, policy.RetryTimeout.Ticks));
    }

    [Fact]
    public void An_infinite_pause_and_an_infinite_time_mean_no_limit()
    {
        RetryPolicy policy = new(3, TimeSpan.FromSeconds(1), 2, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        Assert.Equal((Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan), (policy.MaxRetryInterval, policy.RetryTimeout));
    }

    [Fact]
    public void Left_out_values_are_one_hour_at_most_no_growth_and_no_time_limit()
    {
        RetryPolicy policy = new(3, TimeSpan.FromSeconds(1));

        Assert.Equal((1.0, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan), (policy.BackoffCoefficient, policy.MaxRetryInterval, policy.RetryTimeout));
    }

    [Fact]
    public void Every_failure_is_retried_unless_told_otherwise() =>
        Assert.True(new RetryPolicy(2, TimeSpan.FromSeconds(1)).Handle(Failed(new TimeoutException())));

    [Theory]
    [InlineData(typeof(TimeoutException), true)]
    [InlineData(typeof(FormatException), false)]
    public void A_filter_sees_the_details_of_the_failed_task(Type failure, bool retried)
    {
        RetryPolicy policy = new(2, TimeSpan.FromSeconds(1)) { HandleFailure = details => details.IsCausedBy<TimeoutException>() };

        Assert.Equal(retried, policy.Handle(Failed((Exception)Activator.CreateInstance(failure)!)));
    }

    [Fact]
    public async Task A_synchronous_handler_becomes_an_asynchronous_one()
    {
        TaskRetryOptions options = TaskRetryOptions.FromRetryHandler((RetryContext context) => context.LastAttemptNumber < 3);

        Assert.Null(options.Policy);
        Assert.True(await options.Handler!(Attempt(2)));
        Assert.False(await options.Handler!(Attempt(3)));
    }

    private static RetryContext Attempt(int number) => new(null!, number, TaskFailureDetails.FromException(new TimeoutException()), TimeSpan.Zero, CancellationToken.None);

    private static TaskFailedException Failed(Exception cause) => new("Explode", 0, TaskFailureDetails.FromException(cause));

    private static TimeSpan? Seconds(int? seconds) => seconds is { } value ? TimeSpan.FromSeconds(value) : null;
}
