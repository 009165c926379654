using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;

namespace Durable.Tests.Host.Abstractions;

public sealed class OrchestrationMetadataTests
{
    [Fact]
    public void Payloads_are_read_with_the_converter_they_came_with()
    {
        OrchestrationMetadata metadata = new("SparkRun", "run-1")
        {
            DataConverter = JsonDataConverter.Default, SerializedInput = "[1,2]", SerializedOutput = "\"done\"", SerializedCustomStatus = "null",
        };

        Assert.Equal([1, 2], metadata.ReadInputAs<int[]>()!);
        Assert.Equal("done", metadata.ReadOutputAs<string>());
        Assert.Null(metadata.ReadCustomStatusAs<string>());
    }

    [Fact]
    public void Payloads_nobody_asked_for_are_refused_not_taken_for_empty()
    {
        OrchestrationMetadata metadata = new("SparkRun", "run-1");

        Assert.Contains("The ReadInputAs method", Assert.Throws<InvalidOperationException>(() => metadata.ReadInputAs<int>()).Message, StringComparison.Ordinal);
        Assert.Contains("to include output data.", Assert.Throws<InvalidOperationException>(() => metadata.ReadOutputAs<int>()).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => metadata.ReadCustomStatusAs<int>());
    }

    [Theory] // recorded: IsRunning is false for Pending and Suspended
    [InlineData(OrchestrationRuntimeStatus.Pending, false, false)]
    [InlineData(OrchestrationRuntimeStatus.Running, true, false)]
    [InlineData(OrchestrationRuntimeStatus.Suspended, false, false)]
    [InlineData(OrchestrationRuntimeStatus.Completed, false, true)]
    [InlineData(OrchestrationRuntimeStatus.Failed, false, true)]
    [InlineData(OrchestrationRuntimeStatus.Terminated, false, true)]
    public void Only_running_runs_and_three_statuses_are_final(OrchestrationRuntimeStatus status, bool running, bool completed)
    {
        OrchestrationMetadata metadata = new("SparkRun", "run-1") { RuntimeStatus = status };

        Assert.Equal((running, completed), (metadata.IsRunning, metadata.IsCompleted));
    }

    [Fact]
    public void Text_for_a_log_cuts_payloads_after_fifty_characters()
    {
        OrchestrationMetadata metadata = new("SparkRun", "run-1")
        {
            RuntimeStatus = OrchestrationRuntimeStatus.Failed,
            CreatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            LastUpdatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 6, TimeSpan.Zero),
            SerializedOutput = new string('x', 51),
        };

        Assert.Equal(
            $"[Name: 'SparkRun', ID: 'run-1', RuntimeStatus: Failed, CreatedAt: 2026-01-02T03:04:05, LastUpdatedAt: 2026-01-02T03:04:06, Output: '{new string('x', 50)}...']",
            metadata.ToString());
    }
}
