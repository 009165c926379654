namespace DurableTask.Core.History;

/// <summary>An event of an instance's history. No client of the Functions host returns any; the type completes a signature.</summary>
public abstract class HistoryEvent;
