using Microsoft.AspNetCore.Routing.Patterns;

namespace Durable.Host.Functions;

/// <summary>What a route matches, without the names of its parameters.</summary>
internal static class RouteShapes
{
    /// <summary>A text that is equal for routes that match the same paths: <c>x/{id:int}</c> and <c>X/{n:int}</c> have the same
    /// shape.</summary>
    public static string Of(RoutePattern pattern) => string.Join('/', pattern.PathSegments.Select(s => string.Concat(s.Parts.Select(Of))));

    private static string Of(RoutePatternPart part) =>
        part switch
        {
            RoutePatternLiteralPart literal => literal.Content.ToUpperInvariant(),
            RoutePatternSeparatorPart separator => separator.Content,
            RoutePatternParameterPart p =>
                $"{{{(p.IsCatchAll ? "*" : "")}{(p.IsOptional ? "?" : "")}:{string.Join(':', p.ParameterPolicies.Select(q => q.Content))}}}",
            _ => "{}",
        };
}
