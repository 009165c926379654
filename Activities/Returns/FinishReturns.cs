using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>An ended run.</summary>
/// <param name="Outcomes">Outcomes of its steps.</param>
/// <param name="Error">What went wrong; null when nothing did.</param>
/// <param name="News">Event, subject and body of an additional notification; null: none.</param>
public sealed record ReturnsEnd(
    ReturnsRun Run,
    string Kind,
    IReadOnlyList<PartitionOutcome> Outcomes,
    int Skipped,
    string? Error,
    ReturnsNews? News = null
);

/// <summary>A notification.</summary>
public sealed record ReturnsNews(NotificationEvent Event, string Subject, string Body);

/// <summary>Closes the run in the ledger and adds notifications to the outbox: a failure, the first success after one, a published or
/// refused model. A routine run sends none. Safe to run twice.</summary>
public sealed class FinishReturns(RunLedger ledger, NotificationOutbox outbox, ReturnsJournal journal)
{
    [Function(nameof(FinishReturns))]
    public async Task<RunStatistics> RunAsync([ActivityTrigger] ReturnsEnd end, CancellationToken cancellationToken)
    {
        RunStatistics statistics = await ledger.FinishAsync(end.Run.RunId, end.Outcomes, end.Skipped, end.Error, cancellationToken);
        if (end.Error is not null || await journal.PreviousFailedAsync(end.Kind, end.Run.RunId, cancellationToken))
            await outbox.AddRunAsync(statistics, cancellationToken);
        if (end.News is { } news)
            await outbox.AddAsync($"{end.Run.RunId}:{news.Event.Text()}:news", news.Event, news.Subject, news.Body, cancellationToken);
        return statistics;
    }
}
