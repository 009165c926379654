namespace Durable.Pipelines.Climate.Import;

/// <summary>A refused row.</summary>
/// <param name="Line">Line of the file on which it starts, from 1; the header is line 1.</param>
/// <param name="Column">Column at fault; empty when the whole row is.</param>
/// <param name="Value">The value, cut to 100 characters.</param>
/// <param name="Remedy">What to change so that the row is accepted.</param>
/// <param name="Content">The row as delivered, cut to 500 characters.</param>
public sealed record RejectedRow(long Line, string Column, string Value, string Reason, string Remedy, string Content);

/// <summary>Result of an import.</summary>
/// <param name="Encoding">How its text was decoded: UTF-8 or CP949.</param>
/// <param name="Rejects">The first hundred; the first 10,000 are in <c>climate.import_rejects</c>.</param>
public sealed record ImportReceipt(
    long ImportId,
    string Table,
    string Source,
    string Encoding,
    long Accepted,
    long Rejected,
    IReadOnlyList<RejectedRow> Rejects
);

/// <summary>The file cannot be read into the table; nothing was stored.</summary>
public class ImportRefusedException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The file is larger than <see cref="ImportLimits"/> allow; nothing was stored.</summary>
public sealed class ImportTooLargeException(string message) : ImportRefusedException(message);
