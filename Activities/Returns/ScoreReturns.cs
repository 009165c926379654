using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Scores every prediction whose outcome is known, records the served model's recent error as a gate, and sends one notification
/// per model when it drifts. Safe to run twice.</summary>
public sealed class ScoreReturns(
    PredictionTable predictions,
    ReturnsStorage storage,
    DataGates gates,
    NotificationOutbox outbox,
    ReturnsOptions options
)
{
    /// <summary>Fewest scored predictions for a meaningful error.</summary>
    private const int Fewest = 20;

    [Function(nameof(ScoreReturns))]
    public async Task<ScoredRows> RunAsync([ActivityTrigger] ReturnsRun run, CancellationToken cancellationToken)
    {
        int scored = await predictions.ScoreAsync(cancellationToken);
        if ((await storage.ReadPointerAsync(cancellationToken))?.Pointer is not { } served)
            return new ScoredRows(scored, null);
        PredictionScores scores = await predictions.ReadScoresAsync(served.Version, cancellationToken);
        if (scores is { RecentScored: >= Fewest, Recent: { } recent } && served.TestMse is > 0)
        {
            DataGate drift = new("mse_over_mse_at_publication", served.Version, recent / served.TestMse.Value, AtMost: options.MaxDrift);
            try
            {
                await gates.CheckAsync(run.RunId, [drift], cancellationToken);
            }
            catch (DataGateException)
            {
                await outbox.AddAsync(
                    $"returns-drift:{served.Version}",
                    NotificationEvent.GateFailed,
                    $"returns: model {served.Version} drifts",
                    FormattableString.Invariant(
                        $"{drift}. Mean squared error of the last {scores.RecentScored} scored predictions: {recent:G4}; on the test rows at publication: {served.TestMse:G4}. See durable returns status; durable returns rollback serves the model before."
                    ),
                    cancellationToken
                );
            }
        }

        return new ScoredRows(scored, scores.Recent);
    }
}
