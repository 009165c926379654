using Durable.Operations;

namespace Durable.Pipelines.Returns;

/// <summary>No model has been published.</summary>
public sealed class NoModelException() : PermanentFailureException("No model is served yet: train one first (POST /api/returns).");

/// <summary>The served model, loaded. Reads the pointer each time and reloads when it has moved.</summary>
/// <remarks>A model is loaded only if its archive has the judged checksum. If loading fails, the last good model is not used instead: that
/// would store predictions under a wrong version.</remarks>
public sealed class ModelServer(ReturnsStorage storage) : IDisposable
{
    private readonly SemaphoreSlim loading = new(1);
    private (ModelPointer Pointer, ReturnsModel Model)? loaded;

    /// <exception cref="NoModelException">No model has been published.</exception>
    /// <exception cref="ObjectChangedException">The archive is not the judged one.</exception>
    /// <exception cref="ModelArchiveException">The archive cannot be used.</exception>
    public async Task<(ModelPointer Pointer, ReturnsModel Model)> GetAsync(CancellationToken cancellationToken = default)
    {
        ModelPointer pointer = (await storage.ReadPointerAsync(cancellationToken))?.Pointer ?? throw new NoModelException();
        if (loaded is { } current && current.Pointer.Sha256 == pointer.Sha256)
            return (pointer, current.Model);
        await loading.WaitAsync(cancellationToken);
        try
        {
            if (loaded is { } meanwhile && meanwhile.Pointer.Sha256 == pointer.Sha256)
                return (pointer, meanwhile.Model);
            ReturnsModel model = await LoadAsync(pointer, cancellationToken);
            loaded = (pointer, model); // the previous one may be in use: its finalizer frees it
            return (pointer, model);
        }
        finally
        {
            loading.Release();
        }
    }

    /// <summary>A published model, checked and loaded. Dispose it.</summary>
    public async Task<ReturnsModel> LoadAsync(ModelPointer pointer, CancellationToken cancellationToken = default)
    {
        byte[] archive = await storage.ReadAsync(pointer.ModelUri, cancellationToken);
        string found = ReturnsStorage.Hash(archive);
        return found == pointer.Sha256
            ? ReturnsModel.Load(ModelArchive.Read(archive).Onnx)
            : throw new ObjectChangedException(pointer.ModelUri, pointer.Sha256, found);
    }

    public void Dispose()
    {
        loaded?.Model.Dispose();
        loading.Dispose();
    }
}
