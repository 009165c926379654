using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>A run that has ended, one way or the other.</summary>
/// <param name="Outcomes">What its steps did.</param>
/// <param name="Error">What went wrong; null when nothing did.</param>
/// <param name="News">Event, subject and body of a message besides the run's own; null: none.</param>
public sealed record ReturnsEnd(
    ReturnsRun Run,
    string Kind,
    IReadOnlyList<PartitionOutcome> Outcomes,
    int Skipped,
    string? Error,
    ReturnsNews? News = null
);

/// <summary>A message to people.</summary>
public sealed record ReturnsNews(NotificationEvent Event, string Subject, string Body);

/// <summary>Closes the run in the ledger and puts the news into the outbox: a failure, the first success after one, a published or a
/// refused model. A run that did as always is no news. Safe to run twice.</summary>
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
