using Durable.Activities.Benchmark;
using Durable.Operations.Ledger;
using Durable.Operations.Training;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Benchmark;

/// <summary>One model: prepare data and code, train under a lease, evaluate on held-out rows, gate, register under the alias, record on the
/// tracking server.</summary>
/// <remarks>Never fails because of its model: failing, hanging, running out of memory, diverging or being tampered with is a result, with
/// the reason. Ends early on the external event <see cref="LeasedCluster.CancelEvent"/>.</remarks>
public static class ModelBenchmark
{
    private const string NotRunMark = "NotRun: ";

    /// <summary>Five attempts: after a longer outage the tracking server gets the record later.</summary>
    private static readonly TaskOptions TrackRetry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(1), backoffCoefficient: 2) { HandleFailure = Retries.IsTransient }
    );

    [Function(nameof(ModelBenchmark))]
    public static async Task<ModelOutcome> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, ModelOrder order)
    {
        using CancellationTokenSource ended = new();
        Task<string> cancel = CancelAsync();
        (ModelState state, string? reason) = await EndOfAsync(context, order, cancel);
        ended.Cancel(); // an open wait would keep the instance from ending
        Report(context, order, "recording");
        ModelOutcome outcome = await context.CallActivityAsync<ModelOutcome>(
            nameof(EndModel),
            new ModelEnd(order.Key, state, reason, order.Fingerprint),
            Retries.Standard
        );
        try
        {
            await context.CallActivityAsync<bool>(nameof(TrackModel), order.Key, TrackRetry);
        }
        catch (TaskFailedException error)
        {
            Log.NotTracked(
                context.CreateReplaySafeLogger("Durable.Orchestrations.ModelBenchmark"),
                context.InstanceId,
                order.Key.Model,
                error.FailureDetails.ErrorMessage
            );
        }

        Report(context, order, outcome.State.ToString());
        return outcome;

        async Task<string> CancelAsync() =>
            await context.WaitForExternalEvent<object?>(LeasedCluster.CancelEvent, ended.Token) is { } text ? $"{text}" : "no reason given";
    }

    private static async Task<(ModelState State, string? Reason)> EndOfAsync(
        TaskOrchestrationContext context,
        ModelOrder order,
        Task<string> cancel
    )
    {
        try
        {
            Report(context, order, "preparing data");
            ModelJob job = await context.CallActivityAsync<ModelJob>(
                nameof(BeginModel),
                new ModelStart(order, context.InstanceId),
                Retries.Standard
            );
            if (job.Order is not { } training)
                return (ModelState.NotRun, job.NotRun);
            if (cancel.IsCompleted)
                return (ModelState.Cancelled, $"cancelled: {await cancel}");

            TrainingResult trained = await LeasedTraining.RunAsync(
                context,
                training,
                order.Key.RunId,
                cancel,
                phase => Report(context, order, phase)
            );
            if (!trained.Succeeded || trained.State?.ModelUri is not { } modelUri)
                return Unsuccessful(trained, training);

            Report(context, order, "evaluating");
            await context.CallActivityAsync(
                nameof(EvaluateModel),
                new TrainedModel(order.Key, training.JobName, modelUri, trained.State.BillableSeconds, trained.Receipt.CostUsd),
                Retries.Standard
            );
            return (ModelState.Passed, null);
        }
        catch (TaskFailedException error) when (error.FailureDetails.IsCausedBy<DataGateException>())
        {
            return (ModelState.GateFailed, error.FailureDetails.ErrorMessage);
        }
        catch (TaskFailedException error)
        {
            return (ModelState.Failed, error.FailureDetails.ErrorMessage);
        }
        catch (LeaseNotProvenException error)
        {
            return (ModelState.Failed, error.Message);
        }
    }

    private static (ModelState State, string Reason) Unsuccessful(TrainingResult trained, TrainingOrder training)
    {
        TrainingState? state = trained.State;
        string reason = state?.Reason ?? "";
        if (trained is { Cancelled: true, Ended: { } ended })
            return (ModelState.Cancelled, ended);
        if (trained.Ended is not null)
            return (ModelState.Failed, $"job {training.JobName} did not end within {training.Longest} and was stopped.");
        int mark = reason.IndexOf(NotRunMark, StringComparison.Ordinal);
        if (mark >= 0)
            return (ModelState.NotRun, reason[(mark + NotRunMark.Length)..].Split('"', '\n')[0].Trim());
        return state is { Succeeded: true }
            ? (ModelState.Failed, $"job {training.JobName} completed and left no model.")
            : (ModelState.Failed, $"job {training.JobName} is {state?.Status}: {reason}");
    }

    private static void Report(TaskOrchestrationContext context, ModelOrder order, string phase) =>
        context.SetCustomStatus(new { phase, order.Key.Model });
}
