namespace Durable.Operations;

/// <summary>A failure that a retry would meet again: no retry policy of the app retries it. The message says what to change before the next
/// start.</summary>
public abstract class PermanentFailureException(string message) : Exception(message);
