namespace Durable.Operations;

/// <summary>A failure that a second try meets again: no retry policy of the app repeats it. The message says what to change before the next
/// start.</summary>
public abstract class PermanentFailureException(string message) : Exception(message);
