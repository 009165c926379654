using System.Runtime.CompilerServices;
using Amazon.Runtime;

namespace Durable.AwsServices;

/// <summary>Requests pages until a response has no token. Single use, like the official paginators.</summary>
internal abstract class Pages<TRequest, TResponse>(
    TRequest request,
    Func<TRequest, CancellationToken, Task<TResponse>> call,
    Action<TRequest, string> setToken,
    Func<TResponse, string?> tokenOf
) : IPaginator<TResponse>
    where TRequest : AmazonWebServiceRequest
{
    private int used;

    public IPaginatedEnumerable<TResponse> Responses => new PaginatedResponse<TResponse>(this);

    /// <exception cref="InvalidOperationException">Enumerated twice.</exception>
    public async IAsyncEnumerable<TResponse> PaginateAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref used, 1) != 0)
            throw new InvalidOperationException("Paginator has already been consumed and cannot be reused. Please create a new instance.");
        PaginatorUtils.SetUserAgentAdditionOnRequest(request);
        string? token;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            TResponse response = await call(request, cancellationToken).ConfigureAwait(false);
            token = tokenOf(response);
            setToken(request, token!);
            yield return response;
        } while (!string.IsNullOrEmpty(token));
    }
}
