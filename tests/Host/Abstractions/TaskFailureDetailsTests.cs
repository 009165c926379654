using Microsoft.DurableTask;

namespace Durable.Tests.Host.Abstractions;

public sealed class TaskFailureDetailsTests
{
    [Fact] // recorded: contract scenario failure-nested
    public void The_chain_of_causes_is_kept_with_full_type_names_and_messages()
    {
        TaskFailureDetails details = TaskFailureDetails.FromException(
            Thrown(new InvalidOperationException("outer", new ArgumentException("middle", "param1", new TimeoutException("innermost")))));

        Assert.Equal(
            ["System.InvalidOperationException: outer", "System.ArgumentException: middle (Parameter 'param1')", "System.TimeoutException: innermost"],
            Chain(details).Select(d => d.ToString()));
        Assert.NotNull(details.StackTrace);
        Assert.Null(details.InnerFailure!.StackTrace); // the inner exceptions were never thrown
    }

    [Fact] // recorded: contract scenario failure-aggregate
    public void Of_an_aggregate_only_the_first_cause_is_kept()
    {
        TaskFailureDetails details = TaskFailureDetails.FromException(new AggregateException("several", new TimeoutException("one"), new FormatException("two")));

        Assert.Equal(["System.AggregateException: several (one) (two)", "System.TimeoutException: one"], Chain(details).Select(d => d.ToString()));
    }

    [Fact] // recorded: contract scenario failure-simple, one child deep
    public void A_failed_task_passes_on_the_details_it_carries()
    {
        TaskFailedException child = new("Explode", 0, TaskFailureDetails.FromException(new InvalidOperationException("simple failure")));
        TaskFailedException parent = new("ActivityFails", 4, TaskFailureDetails.FromException(child));

        Assert.Equal(
            "Task 'ActivityFails' (#4) failed with an unhandled exception: Task 'Explode' (#0) failed with an unhandled exception: simple failure", parent.Message);
        Assert.Equal(
            ["Microsoft.DurableTask.TaskFailedException", "System.InvalidOperationException"], Chain(parent.FailureDetails).Select(d => d.ErrorType));
        Assert.Equal(("ActivityFails", 4), (parent.TaskName, parent.TaskId));
    }

    [Fact]
    public void A_failed_task_made_of_an_exception_keeps_it_as_inner_exception()
    {
        TimeoutException cause = new("late");
        TaskFailedException failed = new("Explode", 2, cause);

        Assert.Same(cause, failed.InnerException);
        Assert.Equal("System.TimeoutException: late", failed.FailureDetails.ToString());
        Assert.True(failed.IsCausedByException<TimeoutException>());
    }

    [Theory] // recorded: contract scenarios failure-simple and failure-aggregate, orchestration CausedBy
    [InlineData(typeof(InvalidOperationException), typeof(InvalidOperationException), true)]
    [InlineData(typeof(InvalidOperationException), typeof(SystemException), true)]
    [InlineData(typeof(InvalidOperationException), typeof(Exception), true)]
    [InlineData(typeof(InvalidOperationException), typeof(TimeoutException), false)]
    [InlineData(typeof(ObjectDisposedException), typeof(InvalidOperationException), true)]
    [InlineData(typeof(AggregateException), typeof(SystemException), false)]
    [InlineData(typeof(ShopException), typeof(ShopException), true)]
    [InlineData(typeof(ShopException), typeof(Exception), true)]
    [InlineData(typeof(ShopException), typeof(SystemException), false)]
    public void A_type_is_the_cause_of_itself_and_of_its_base_types(Type thrown, Type asked, bool expected) =>
        Assert.Equal(expected, new TaskFailureDetails(thrown.FullName!, "why", null, null, null).IsCausedBy(asked));

    [Fact] // recorded: an aggregate of a TimeoutException answers false for it
    public void Inner_failures_are_not_searched()
    {
        TaskFailureDetails details = TaskFailureDetails.FromException(new InvalidOperationException("outer", new TimeoutException("inner")));

        Assert.False(details.IsCausedBy<TimeoutException>());
        Assert.True(details.InnerFailure!.IsCausedBy<TimeoutException>());
    }

    [Theory] // "(unknown)" is what old extensions and missing activities report
    [InlineData("(unknown)")]
    [InlineData("")]
    [InlineData("Gone.In.ThisRelease.SomeException")]
    public void A_type_nobody_knows_any_more_is_caused_by_nothing(string errorType) =>
        Assert.False(new TaskFailureDetails(errorType, "why", null, null, null).IsCausedBy<Exception>());

    [Fact]
    public void Only_exception_types_may_be_asked_for() =>
        Assert.Throws<ArgumentException>(() => new TaskFailureDetails("System.Exception", "why", null, null, null).IsCausedBy(typeof(string)));

    private static IEnumerable<TaskFailureDetails> Chain(TaskFailureDetails? details)
    {
        for (; details is not null; details = details.InnerFailure) yield return details;
    }

    private static Exception Thrown(Exception exception)
    {
        try { throw exception; }
        catch (Exception e) { return e; }
    }

    private sealed class ShopException : Exception;
}
