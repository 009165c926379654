using System.Collections.Concurrent;
using System.Threading.Channels;
using Durable.Tests.AzureHost.Rpc;
using Grpc.Core;

namespace Durable.Tests.AzureHost.Worker;

/// <summary>
/// The stream between the host and its one worker. Answers are matched by what they answer; when the stream ends, whoever waits is told.
/// </summary>
internal sealed class WorkerChannel : FunctionRpc.FunctionRpcBase
{
    private readonly Channel<StreamingMessage> outgoing = Channel.CreateUnbounded<StreamingMessage>();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> waiting = [];
    private readonly TaskCompletionSource<StreamingMessage> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<StreamingMessage> failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the worker has announced itself.</summary>
    public Task Started => FirstOf(started);

    /// <summary>Sends a message and waits for its answer.</summary>
    public async Task<StreamingMessage> AskAsync(StreamingMessage message)
    {
        TaskCompletionSource<StreamingMessage> answer = waiting.GetOrAdd(
            KeyOf(message),
            _ => new(TaskCreationOptions.RunContinuationsAsynchronously)
        );
        await outgoing.Writer.WriteAsync(message);
        return await FirstOf(answer);
    }

    /// <summary>Sends a message that is not answered.</summary>
    public ValueTask TellAsync(StreamingMessage message) => outgoing.Writer.WriteAsync(message);

    /// <summary>Whoever waits for the worker, now or later, learns why it does not answer.</summary>
    public void Fail(Exception reason) => failed.TrySetException(reason);

    public override async Task EventStream(
        IAsyncStreamReader<StreamingMessage> requestStream,
        IServerStreamWriter<StreamingMessage> responseStream,
        ServerCallContext context
    )
    {
        Task sending = SendAsync(responseStream, context.CancellationToken);
        try
        {
            await foreach (StreamingMessage message in requestStream.ReadAllAsync(context.CancellationToken))
            {
                if (message.ContentCase == StreamingMessage.ContentOneofCase.StartStream)
                    started.TrySetResult(message);
                else if (waiting.TryRemove(KeyOf(message), out TaskCompletionSource<StreamingMessage>? answer))
                    answer.TrySetResult(message);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The worker's process has ended; Fail says so to those who wait.
        }

        outgoing.Writer.TryComplete();
        await sending;
    }

    private async Task<StreamingMessage> FirstOf(TaskCompletionSource<StreamingMessage> answer) =>
        await await Task.WhenAny(answer.Task, failed.Task);

    private async Task SendAsync(IServerStreamWriter<StreamingMessage> worker, CancellationToken ended)
    {
        try
        {
            await foreach (StreamingMessage message in outgoing.Reader.ReadAllAsync(ended))
                await worker.WriteAsync(message, ended);
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or IOException)
        {
            // Nobody reads any more.
        }
    }

    private static string KeyOf(StreamingMessage message) =>
        message.ContentCase switch
        {
            StreamingMessage.ContentOneofCase.WorkerInitRequest or StreamingMessage.ContentOneofCase.WorkerInitResponse => "init",
            StreamingMessage.ContentOneofCase.FunctionsMetadataRequest or StreamingMessage.ContentOneofCase.FunctionMetadataResponse =>
                "metadata",
            StreamingMessage.ContentOneofCase.FunctionLoadRequest => "load " + message.FunctionLoadRequest.FunctionId,
            StreamingMessage.ContentOneofCase.FunctionLoadResponse => "load " + message.FunctionLoadResponse.FunctionId,
            StreamingMessage.ContentOneofCase.InvocationRequest => "call " + message.InvocationRequest.InvocationId,
            StreamingMessage.ContentOneofCase.InvocationResponse => "call " + message.InvocationResponse.InvocationId,
            _ => message.ContentCase.ToString(), // logs, and what this host does not know
        };
}
