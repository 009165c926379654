using Durable.Pipelines.Pothole;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Pothole;

/// <summary>Progress of a day, shown as the custom status: the current step and the steps done.</summary>
internal sealed class PotholeProgress(TaskOrchestrationContext context, string date)
{
    private readonly List<StepDone> done = [];
    private int total;

    /// <summary>The current step, or the failed one.</summary>
    public string Step { get; private set; } = "begin";

    /// <summary>Steps done by this run, in order.</summary>
    public IReadOnlyList<StepDone> Done => done;

    public void Expect(int steps) => total = steps;

    public void Begin(string step) => Report(Step = step);

    public void Add(StepDone step) => done.Add(step);

    public void Report(string phase) =>
        context.SetCustomStatus(
            new
            {
                phase,
                Date = date,
                done = done.Count,
                failed = 0,
                total,
                steps = done.Select(step => step.Step),
            }
        );
}
