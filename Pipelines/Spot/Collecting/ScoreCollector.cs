using System.Collections.Concurrent;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Runtime;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;
using Durable.Pipelines.Spot.Storage;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>A question and its account; null when no account has quota left.</summary>
public sealed record AssignedQuery(PlacementQuery Query, string? Account);

/// <summary>The accounts' answers.</summary>
/// <param name="Asked">Questions answered.</param>
public sealed record CollectedScores(
    IReadOnlyList<ZoneScore> Rows,
    IReadOnlyList<Unknown> Unknown,
    IReadOnlyList<AccountUse> Uses,
    int Asked
);

/// <summary>Asks for placement scores.</summary>
public sealed class ScoreCollector(ISpotAccounts accounts, SpotOptions options, Patience patience, TimeProvider clock)
{
    public const string OverQuota = "every account is over its quota of questions",
        TooLate = "the time of the slot was over";

    /// <summary>Asks all questions. If an account is over its quota or not permitted, the next one of the pool asks, each once; a question
    /// without an answer is unknown.</summary>
    /// <param name="deadlineUtc">No questions after it.</param>
    public async Task<CollectedScores> CollectAsync(
        int capacity,
        IReadOnlyList<AssignedQuery> queries,
        DateTime deadlineUtc,
        CancellationToken cancellationToken
    )
    {
        Answer[] answers = new Answer[queries.Count];
        ConcurrentDictionary<string, string> refusing = []; // account → why it gets no new questions
        await Parallel.ForAsync(
            0,
            queries.Count,
            new ParallelOptions { MaxDegreeOfParallelism = options.CallsAtOnce, CancellationToken = cancellationToken },
            async (number, cancellation) =>
                answers[number] = await AskAroundAsync(queries[number], capacity, refusing, deadlineUtc, cancellation)
        );

        AccountUse[] uses =
        [
            .. answers
                .Zip(queries)
                .Where(pair => pair.First.Account is not null)
                .GroupBy(pair => pair.First.Account!)
                .Select(account => new AccountUse(
                    account.Key,
                    [.. account.Select(pair => QuotaPlan.ConfigurationOf(capacity, pair.Second.Query))]
                )),
        ];
        Unknown[] unknown =
        [
            .. answers
                .Zip(queries)
                .Where(pair => pair.First.Failure is not null)
                .SelectMany(pair =>
                    pair.Second.Query.Regions.Select(region => new Unknown(region, pair.Second.Query.InstanceType, pair.First.Failure!))
                ),
        ];
        return new CollectedScores(
            [.. answers.SelectMany(answer => answer.Rows)],
            unknown,
            uses,
            answers.Count(answer => answer.Failure is null)
        );
    }

    private sealed record Answer(IReadOnlyList<ZoneScore> Rows, string? Account, string? Failure);

    private async Task<Answer> AskAroundAsync(
        AssignedQuery assigned,
        int capacity,
        ConcurrentDictionary<string, string> refusing,
        DateTime deadlineUtc,
        CancellationToken cancellationToken
    )
    {
        if (assigned.Account is null)
            return new Answer([], null, OverQuota);
        List<string> pool = [.. options.AccountPool];
        int first = Math.Max(0, pool.IndexOf(assigned.Account));
        string refusal = OverQuota;
        for (int step = 0; step < pool.Count; step++)
        {
            string account = pool[(first + step) % pool.Count];
            if (step > 0 && refusing.TryGetValue(account, out string? known))
            {
                refusal = known;
                continue;
            }

            if (clock.GetUtcNow().UtcDateTime >= deadlineUtc)
                return new Answer([], null, TooLate);
            try
            {
                return new Answer(
                    await patience.CallAsync(
                        () => AskAsync(accounts.Ec2(account), assigned.Query, capacity, cancellationToken),
                        deadlineUtc,
                        cancellationToken
                    ),
                    account,
                    null
                );
            }
            catch (AmazonServiceException error) when (IsTheAccounts(error))
            {
                refusing[account] = refusal = $"{account}: {error.ErrorCode}";
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested && error is not OutOfMemoryException)
            {
                return new Answer(
                    [],
                    null,
                    Durable.Postgres.Redaction.Redact(
                        error is AmazonServiceException service ? service.ErrorCode ?? service.Message : error.Message
                    )
                );
            }
        }

        return new Answer([], null, refusal);
    }

    private static async Task<IReadOnlyList<ZoneScore>> AskAsync(
        IAmazonEC2 ec2,
        PlacementQuery query,
        int capacity,
        CancellationToken cancellationToken
    )
    {
        List<ZoneScore> rows = [];
        await TokenPages.ReadAsync(async token =>
        {
            GetSpotPlacementScoresResponse page = await ec2.GetSpotPlacementScoresAsync(
                new GetSpotPlacementScoresRequest
                {
                    InstanceTypes = [query.InstanceType],
                    RegionNames = [.. query.Regions],
                    SingleAvailabilityZone = true,
                    TargetCapacity = capacity,
                    NextToken = token,
                },
                cancellationToken
            );
            foreach (SpotPlacementScore score in page.SpotPlacementScores ?? [])
            {
                if (!string.IsNullOrEmpty(score.AvailabilityZoneId) && score.Score is { } points)
                    rows.Add(new ZoneScore(query.InstanceType, score.Region, score.AvailabilityZoneId, points));
            }

            return page.NextToken;
        });
        return rows;
    }

    /// <summary>True when the account is at fault, not the question.</summary>
    private static bool IsTheAccounts(AmazonServiceException error) =>
        error.ErrorCode
            is "MaxConfigLimitExceeded"
                or "AuthFailure"
                or "UnauthorizedOperation"
                or "OptInRequired"
                or "RequestExpired"
                or "InvalidClientTokenId"
                or "AccessDenied";
}
