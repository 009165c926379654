using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Abstractions;

public sealed class OptionsTests
{
    private static readonly RetryPolicy Twice = new(2, TimeSpan.FromSeconds(1));

    [Fact]
    public void Options_with_a_child_id_keep_retries_tags_and_version()
    {
        TaskOptions options = new(Twice, new Dictionary<string, string> { ["lane"] = "3" }) { Version = "2.0" };

        SubOrchestrationOptions child = options.WithInstanceId("child-1");

        Assert.Equal(("child-1", "2.0", "3"), (child.InstanceId, child.Version!.Value.Version, child.Tags!["lane"]));
        Assert.Same(Twice, child.Retry!.Policy);
    }

    [Fact]
    public void The_version_of_a_child_is_the_one_its_options_have_as_task_options()
    {
        SubOrchestrationOptions child = new() { Version = "3.1" };
        TaskOptions seenAsBase = child;

        Assert.Equal(new TaskVersion("3.1"), seenAsBase.Version);
        Assert.Equal(new TaskVersion("3.1"), new TaskOptions(seenAsBase).Version);
        Assert.Equal(new TaskVersion("3.1"), (child with { InstanceId = "x" }).Version);
    }

    [Fact]
    public void A_child_id_given_anew_wins_over_the_one_copied()
    {
        SubOrchestrationOptions first = new(instanceId: "first");

        Assert.Equal("first", new SubOrchestrationOptions((TaskOptions)first).InstanceId);
        Assert.Equal("second", new SubOrchestrationOptions(first, "second").InstanceId);
    }

    [Fact]
    public void A_policy_and_a_handler_are_options_where_options_are_asked_for()
    {
        Assert.Same(Twice, TaskOptions.FromRetryPolicy(Twice).Retry!.Policy);
        Assert.NotNull(TaskOptions.FromRetryHandler((RetryContext _) => true).Retry!.Handler);
    }

    [Fact]
    public void A_copy_of_start_options_has_every_value()
    {
        StartOrchestrationOptions options = new("run-1", new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero))
        {
            Version = "2", Tags = new Dictionary<string, string> { ["by"] = "timer" }, DedupeStatuses = ["Failed"],
        };

        Assert.Equal(options, options with { });
        Assert.Equal(("run-2", "timer"), ((options with { InstanceId = "run-2" }).InstanceId, (options with { InstanceId = "run-2" }).Tags["by"]));
    }

    [Fact]
    public void Statuses_to_deduplicate_are_kept_by_name_and_seven_may_be_named()
    {
        StartOrchestrationOptions options = new StartOrchestrationOptions("run-1").WithDedupeStatuses(OrchestrationRuntimeStatus.Running, OrchestrationRuntimeStatus.Failed);

        Assert.Equal(["Running", "Failed"], options.DedupeStatuses!);
        Assert.Equal(
            ["Canceled", "Completed", "Failed", "Pending", "Running", "Suspended", "Terminated"],
            StartOrchestrationOptionsExtensions.ValidDedupeStatuses.Select(s => s.ToString()).Order());
    }
}
