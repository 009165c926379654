using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Durable.Host.Http;

/// <summary>Verbs an endpoint takes, in upper case; none means all.</summary>
internal sealed record EndpointVerbs(IReadOnlyList<string> Verbs);

/// <summary>Selects endpoints by verb without ASP.NET Core's 405: the Functions host answers 404, without an Allow header, to an undeclared
/// verb.</summary>
internal sealed class VerbMatcherPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    public override int Order => -1000;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) =>
        endpoints.Any(e => e.Metadata.GetMetadata<EndpointVerbs>() is not null);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (int i = 0; i < candidates.Count; i++)
        {
            if (
                candidates.IsValidCandidate(i)
                && candidates[i].Endpoint.Metadata.GetMetadata<EndpointVerbs>() is { Verbs.Count: > 0 } declared
                && !declared.Verbs.Contains(httpContext.Request.Method, StringComparer.OrdinalIgnoreCase)
            )
                candidates.SetValidity(i, false);
        }
        return Task.CompletedTask;
    }
}
