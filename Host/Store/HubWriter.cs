using System.Diagnostics;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Durable.Host.History;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>Writes turns and activity results. Writes that wait while a transaction commits go into the next one together, because commits
/// are what costs.</summary>
/// <remarks>Each batch is one transaction and one round trip. A batch whose reply was lost is written again; the fence shows what was
/// already committed.</remarks>
#pragma warning disable CA1001 // The source is only cancelled; it holds nothing to dispose.
internal sealed partial class HubWriter(HubDatabase database, ILocalWork local, ILogger<HubWriter> logger) : IAsyncDisposable
#pragma warning restore CA1001
{
    private const int MostTurns = 256;
    private readonly Channel<IWrite> queue = Channel.CreateUnbounded<IWrite>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource stopping = new();
    private Task? loop;

    /// <summary>Number of this host; set when it registers.</summary>
    public long HostNo { get; set; }

    /// <summary>Starts writing.</summary>
    public void Start() => loop ??= Task.Run(RunAsync);

    /// <summary>Writes a turn.</summary>
    /// <returns>The outcome, and how many of its first activities this host claimed with it.</returns>
    public Task<TurnWritten> WriteAsync(TurnWrite turn) => Enqueue(new PendingTurn(turn)).Done.Task;

    /// <summary>Reports a result to an instance that another host (or nobody) holds.</summary>
    public Task ReportAsync(ActivityResult result) => Enqueue(new PendingResult(result)).Done.Task;

    /// <summary>Writes what is queued, then stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (queue.Writer.TryComplete())
        {
            stopping.CancelAfter(TimeSpan.FromSeconds(5));
        }

        if (loop is not null)
        {
            await loop;
        }
    }

    private T Enqueue<T>(T write)
        where T : IWrite
    {
        if (!queue.Writer.TryWrite(write))
        {
            write.Fail(new OperationCanceledException("The host is stopping."));
        }

        return write;
    }

    private async Task RunAsync()
    {
        List<IWrite> batch = [];
        while (await NextAsync(batch))
        {
            await WriteUntilDoneAsync(batch);
            batch.Clear();
        }
    }

    private async Task<bool> NextAsync(List<IWrite> batch)
    {
        if (!await queue.Reader.WaitToReadAsync())
        {
            return false;
        }

        long size = 0;
        while (batch.Count < MostTurns && size < 32_000_000 && queue.Reader.TryRead(out IWrite? next))
        {
            batch.Add(next);
            size += next.Size;
        }

        return batch.Count > 0;
    }

    private async Task WriteUntilDoneAsync(List<IWrite> batch)
    {
        TimeSpan pause = TimeSpan.FromMilliseconds(20);
        while (batch.Count > 0)
        {
            try
            {
                await WriteOnceAsync(batch);
                return;
            }
            catch (PostgresException e) when (e is { SqlState: TurnRefusal.SqlState, Hint: { } refusals })
            {
                DropRefused(batch, HubJson.ReadRefusals(refusals));
            }
            catch (Exception e) when (StoreFaults.Of(e) == StoreFault.Away && !stopping.IsCancellationRequested)
            {
                await Task.Delay(pause);
                pause = TimeSpan.FromMilliseconds(Math.Min(pause.TotalMilliseconds * 2, 1000));
            }
            catch (Exception e) when (batch.Count > 1 && !stopping.IsCancellationRequested)
            {
                // One write is invalid (too large, a character the database refuses): find it by writing them one by one.
                foreach (IWrite single in batch.ToArray())
                {
                    await WriteUntilDoneAsync([single]);
                }

                Log.BatchSplit(logger, batch.Count, e.Message);
                return;
            }
            catch (Exception e)
            {
                foreach (IWrite write in batch)
                {
                    if (write is PendingTurn turn)
                    {
                        Unreserve(turn);
                    }

                    if (StoreFaults.Of(e) != StoreFault.Refused && !stopping.IsCancellationRequested)
                    {
                        _ = WriteLaterAsync(write, e);
                    }
                    else
                    {
                        write.Fail(e);
                    }
                }

                return;
            }
        }
    }

    /// <summary>An unknown error says nothing about the work: it is retried with backoff while other work continues.</summary>
    private async Task WriteLaterAsync(IWrite write, Exception e)
    {
        TimeSpan wait = TimeSpan.FromSeconds(Math.Min(30, Math.Pow(2, write.Failures++)));
        Log.WriteFailed(logger, write.InstanceId, HubDatabase.Explain(e), wait);
        await Task.Delay(wait);
        Enqueue(write);
    }

    private void DropRefused(List<IWrite> batch, IReadOnlyList<TurnRefusal> refusals)
    {
        List<PendingTurn> turns = [.. batch.OfType<PendingTurn>()];
        foreach ((int place, TurnFate fate) in refusals)
        {
            PendingTurn turn = turns[place - 1];
            batch.Remove(turn);
            int claimed = fate == TurnFate.Applied ? turn.Claimed ?? 0 : 0;
            if (fate != TurnFate.Applied)
            {
                Unreserve(turn);
            }

            turn.Done.TrySetResult(new TurnWritten(fate, claimed));
        }
    }

    private void Unreserve(PendingTurn turn)
    {
        if (turn.Claimed is > 0)
        {
            local.Release(turn.Claimed.Value);
        }

        turn.Claimed = null;
    }

    private async Task WriteOnceAsync(List<IWrite> batch)
    {
        long started = Stopwatch.GetTimestamp();
        PendingTurn[] turns = [.. batch.OfType<PendingTurn>()];
        PendingResult[] results = [.. batch.OfType<PendingResult>()];
        foreach (PendingTurn turn in turns)
        {
            // Kept across retries, so that a reply lost between two attempts does not reserve twice.
            turn.Claimed ??= turn.Write.Activities.Count == 0 ? 0 : local.Reserve(turn.Write.Activities.Count);
        }

        WorkLeft left = await database.RunAsync(
            "commit",
            async connection =>
            {
                await using TurnBatch statements = new(connection, HostNo, database.Channel, database.Sender);
                statements.Add(turns, results);
                await statements.ExecuteAsync(stopping.Token);
                return statements.Left;
            },
            stopping.Token
        );

        Telemetry.DurableTelemetry.CommitWritten(batch.Count, Stopwatch.GetElapsedTime(started));
        foreach (PendingTurn turn in turns)
        {
            turn.Done.TrySetResult(new TurnWritten(TurnFate.Applied, turn.Claimed ?? 0));
        }

        foreach (PendingResult result in results)
        {
            result.Done.TrySetResult();
        }

        if (left.Any)
        {
            local.WorkWasLeft(left);
        }
    }

    /// <summary>A write queued for the next transaction.</summary>
    private interface IWrite
    {
        long Size { get; }

        string InstanceId { get; }

        int Failures { get; set; }

        void Fail(Exception exception);
    }

    internal sealed class PendingTurn(TurnWrite write) : IWrite
    {
        public TurnWrite Write { get; } = write;

        public int? Claimed { get; set; }

        public string InstanceId => Write.InstanceId;

        public int Failures { get; set; }

        public TaskCompletionSource<TurnWritten> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Size { get; } =
            write.Events.Sum(e => (long)(e.Data?.Length ?? 0))
            + write.Activities.Sum(a => (long)(a.Input?.Length ?? 0))
            + (write.Output?.Length ?? 0);

        public void Fail(Exception exception) => Done.TrySetException(exception);
    }

    internal sealed class PendingResult(ActivityResult result) : IWrite
    {
        public ActivityResult Result { get; } = result;

        public string InstanceId => Result.InstanceId;

        public int Failures { get; set; }

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Size { get; } = result.Event.Data?.Length ?? 0;

        public void Fail(Exception exception) => Done.TrySetException(exception);
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "A turn or result of {InstanceId} could not be written; retrying in {Wait}. {Reason}")]
        public static partial void WriteFailed(ILogger logger, string instanceId, string reason, TimeSpan wait);

        [LoggerMessage(21, LogLevel.Warning, "A batch of {Count} writes was written one by one: {Reason}")]
        public static partial void BatchSplit(ILogger logger, int count, string reason);
    }
}

/// <summary>An activity's result for an instance that this host does not hold.</summary>
internal sealed record ActivityResult(string InstanceId, long RunNo, int TaskId, HistoryEvent Event);

/// <summary>Outcome of a turn.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TurnFate>))]
internal enum TurnFate
{
    /// <summary>Committed.</summary>
    Applied,

    /// <summary>Another host holds the instance, or it is gone: drop it.</summary>
    Lost,

    /// <summary>It consumed messages that are gone: rebuild it from the store.</summary>
    Stale,
}

/// <summary>A turn that the fence (Sql/006) refuses. The transaction ends with <see cref="SqlState"/>; the error's hint lists them.</summary>
/// <param name="Turn">Its place among the turns of the batch, from 1.</param>
internal sealed record TurnRefusal(int Turn, TurnFate Fate)
{
    /// <summary>The error's code, our own.</summary>
    public const string SqlState = "DU001";
}

/// <summary>Outcome of a write. This host claimed the turn's first <paramref name="Claimed"/> activities.</summary>
internal readonly record struct TurnWritten(TurnFate Fate, int Claimed);

/// <summary>Work that a commit left for any host.</summary>
internal readonly record struct WorkLeft(bool Instances, bool Activities)
{
    /// <summary>Whether there is any.</summary>
    public bool Any => Instances || Activities;
}
