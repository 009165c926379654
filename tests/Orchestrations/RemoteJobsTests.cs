using System.Text.Json;
using Durable.Activities.Operations;
using Durable.Host.Store;
using Durable.Operations.Remote;
using Durable.Orchestrations.Shared;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Orchestrations;

/// <summary>The building block over real processes on this machine.</summary>
public sealed class RemoteJobsTests : IAsyncLifetime
{
    private readonly LocalShell shell = new();
    private readonly List<string> calls = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await shell.DisposeAsync();

    [Fact]
    public async Task A_failed_attempt_is_killed_before_the_next_begins()
    {
        RemoteJobResult result = await RunAsync(
            """
            echo "$DURABLE_JOB" >>"$HOME/began"
            [ "$DURABLE_JOB" = j-2 ] && exit 0
            sleep 100 & echo left behind; exit 7
            """,
            attempts: 3
        );

        Assert.Equal(("j-2", RemoteJobOutcome.Exited, 0, 2), (result.JobId, result.Outcome, result.ExitCode, result.Attempt));
        Assert.Equal(
            ["StartRemoteJob j-1", "KillRemoteJob j-1", "StartRemoteJob j-2"],
            calls.Where(call => !call.StartsWith("Poll", StringComparison.Ordinal))
        );
        Assert.Equal("j-1\nj-2\n", await File.ReadAllTextAsync(Path.Combine(shell.Home, "began")));
        Assert.Equal("", await MarkedAsync("j-1"));
    }

    [Fact]
    public async Task The_last_attempt_is_the_result_and_a_verdict_may_end_it_earlier()
    {
        Assert.Equal(
            (3, 1),
            (await RunAsync("exit 3", attempts: 2, tryAgain: result => result.ExitCode != 3)) is var once
                ? (once.ExitCode, once.Attempt)
                : default
        );
        Assert.Equal((4, 2), (await RunAsync("exit 4", "other", attempts: 2)) is var twice ? (twice.ExitCode, twice.Attempt) : default);
    }

    [Fact]
    public async Task Cancelling_kills_the_job()
    {
        await using TestEngine engine = await TestEngine.StartAsync(
            App("while :; do sleep 0.1; done", cancelAfter: TimeSpan.FromSeconds(1))
        );

        InstanceRecord run = await engine.RunAsync("Job");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("KillRemoteJob j-1", calls);
        Assert.Equal("", await MarkedAsync("j-1"));
    }

    [Fact]
    public async Task A_lost_job_says_so()
    {
        RemoteJobResult result = await RunAsync("""kill -9 "$(cat "$HOME/.durable/jobs/$DURABLE_JOB/pid")"; sleep 100""");

        Assert.Equal((RemoteJobOutcome.Lost, null), (result.Outcome, result.ExitCode));
        Assert.False(result.Succeeded);
        Assert.Equal("", await MarkedAsync("j-1"));
    }

    private async Task<RemoteJobResult> RunAsync(
        string script,
        string id = "j",
        int attempts = 1,
        Func<RemoteJobResult, bool>? tryAgain = null
    )
    {
        await using TestEngine engine = await TestEngine.StartAsync(App(script, id, attempts, tryAgain));
        InstanceRecord run = await engine.RunAsync("Job");
        Assert.True(run.Status == OrchestrationRuntimeStatus.Completed, run.Output);
        return JsonSerializer.Deserialize<RemoteJobResult>(run.Output!)!;
    }

    private ScenarioRuntime App(
        string script,
        string id = "j",
        int attempts = 1,
        Func<RemoteJobResult, bool>? tryAgain = null,
        TimeSpan? cancelAfter = null
    )
    {
        RemoteHost host = new(shell, new RemoteOptions());
        return new ScenarioRuntime()
            .Activity<RemoteJobStart, RemoteJobState>(
                nameof(StartRemoteJob),
                job => NotedAsync(nameof(StartRemoteJob), job.Command.JobId, host.StartAsync(job.Target, job.Command, default))
            )
            .Activity<RemoteJobRef, RemoteJobState>(
                nameof(PollRemoteJob),
                job => NotedAsync(nameof(PollRemoteJob), job.JobId, host.PollAsync(job.Target, job.JobId, default))
            )
            .Activity<RemoteJobRef, RemoteJobState>(
                nameof(KillRemoteJob),
                job => NotedAsync(nameof(KillRemoteJob), job.JobId, host.KillAsync(job.Target, job.JobId, default))
            )
            .Orchestrator(
                "Job",
                async context =>
                {
                    using CancellationTokenSource stop = new();
                    RemoteJobRequest request = new(
                        new RemoteTarget("i-1"),
                        RemoteCommand.Script(id, script, [], TimeSpan.FromMinutes(5)),
                        "r/1#spark",
                        attempts
                    );
                    Task<RemoteJobResult> job = RemoteJobs.RunAsync(context, request, tryAgain, stop.Token);
                    if (cancelAfter is { } pause)
                    {
                        await context.CreateTimer(pause, CancellationToken.None);
                        stop.Cancel();
                    }

                    return await job;
                }
            );
    }

    private Task<RemoteJobState> NotedAsync(string activity, string job, Task<RemoteJobState> call)
    {
        lock (calls)
            calls.Add($"{activity} {job}");
        return call;
    }

    /// <summary>Processes that still carry a job's mark.</summary>
    private async Task<string> MarkedAsync(string job) =>
        (await shell.RunAsync(new RemoteTarget("i-1"), $"grep -lzsxF 'DURABLE_JOB={job}' /proc/[0-9]*/environ", default)).Trim();
}
