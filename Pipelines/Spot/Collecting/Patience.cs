using Amazon.Runtime;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Retries a call with backoff and jitter until a deadline, beyond the SDK's own retries.</summary>
public sealed class Patience(TimeProvider clock)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500),
        Longest = TimeSpan.FromSeconds(30);

    private static readonly HashSet<string> Throttled = new(StringComparer.Ordinal)
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "SlowDown",
        "Client.RequestLimitExceeded",
    };

    /// <summary>Repeats the call until it succeeds, fails for good, or fails after the deadline.</summary>
    /// <param name="triesBeside">Attempts for failures other than throttling.</param>
    public async Task<T> CallAsync<T>(Func<Task<T>> call, DateTime deadlineUtc, CancellationToken cancellationToken, int triesBeside = 3)
    {
        TimeSpan pause = First;
        int failures = 0;
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception error)
                when (MayPass(error)
                    && (IsThrottling(error) || ++failures < triesBeside)
                    && clock.GetUtcNow().UtcDateTime + pause < deadlineUtc
                )
            {
                await Task.Delay(pause * (0.5 + (Random.Shared.NextDouble() / 2)), clock, cancellationToken);
                pause = pause * 2 < Longest ? pause * 2 : Longest;
            }
        }
    }

    public static bool IsThrottling(Exception error) =>
        error is AmazonServiceException service && (Throttled.Contains(service.ErrorCode ?? "") || (int)service.StatusCode is 429);

    private static bool MayPass(Exception error) =>
        error switch
        {
            AmazonServiceException service => IsThrottling(service) || (int)service.StatusCode >= 500 || service.StatusCode == 0,
            HttpRequestException or IOException or TimeoutException or AmazonClientException => true,
            TaskCanceledException { InnerException: TimeoutException } => true,
            _ => false,
        };
}
