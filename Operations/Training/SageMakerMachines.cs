using Durable.Operations.Leases;

namespace Durable.Operations.Training;

/// <summary>Training jobs as paid machines: on while they run, off before and after, stopped by the same leases and reaper as
/// instances.</summary>
/// <remarks>A machine is <c>&lt;job name&gt;_&lt;instance type&gt;</c>. The run creates the job, not the lease:
/// <see cref="TrainingJobs.StartAsync"/>.</remarks>
internal sealed class SageMakerMachines(TrainingJobs jobs) : IPaidMachines
{
    public const string SageMaker = "sagemaker";

    public const char Separator = '_'; // never in a job name

    public string Kind => SageMaker;

    /// <remarks>Training is billed by the second, without a minimum (SageMaker pricing).</remarks>
    public TimeSpan LeastBilled => TimeSpan.FromSeconds(1);

    public async Task<IReadOnlyList<Machine>> DescribeAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        List<Machine> machines = [];
        foreach (string id in ids)
        {
            TrainingState job = await jobs.ReadAsync(JobOf(id), cancellationToken);
            string state = job.Status switch
            {
                "InProgress" => "running",
                "Stopping" => "stopping",
                "Completed" or "Failed" or "Stopped" or "Absent" => "stopped",
                _ => job.Status,
            };
            machines.Add(new Machine(id, state, id[(id.IndexOf(Separator) + 1)..], null));
        }

        return machines;
    }

    public Task StartAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(IReadOnlyList<string> ids, bool force, CancellationToken cancellationToken)
    {
        foreach (string id in ids)
            await jobs.StopAsync(JobOf(id), cancellationToken);
    }

    private static string JobOf(string id) => id.Split(Separator)[0];
}
