using System.Text.Json;
using Durable.Operations;

namespace Durable.Pipelines.Returns;

/// <summary>A table of the source.</summary>
/// <param name="Key">The unique time by which rows are ordered.</param>
public sealed record SourceTable(string Name, string Key, IReadOnlyList<string> Columns)
{
    /// <summary>Embeddings by the time they describe.</summary>
    public static readonly SourceTable Embeddings = new("ai_outputs", "base_ts", ["base_ts", "embedding_a", "embedding_b"]);

    /// <summary>Simulated returns by the end of their ten minutes.</summary>
    public static readonly SourceTable Outcomes = new("simulations_10m", "ts", ["ts", .. ReturnsShape.Targets]);
}

/// <summary>The source of rows. Every implementation returns the same rows, as JSON objects, in the order of the table's key.</summary>
public interface IReturnsSource
{
    /// <summary>Rows from a time on, inclusive; all when it is null.</summary>
    IAsyncEnumerable<JsonElement> ReadAsync(SourceTable table, DateTime? sinceUtc, CancellationToken cancellationToken = default);

    /// <summary>The row with the latest key, or null.</summary>
    Task<JsonElement?> ReadNewestAsync(SourceTable table, CancellationToken cancellationToken = default);
}

/// <summary>The source refused the request for good.</summary>
public sealed class SourceRefusedException(string message) : PermanentFailureException(message);

/// <summary>The source was unavailable in every attempt.</summary>
public sealed class SourceUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
