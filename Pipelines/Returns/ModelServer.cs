using Durable.Operations;

namespace Durable.Pipelines.Returns;

/// <summary>No model was ever published.</summary>
public sealed class NoModelException() : PermanentFailureException("No model is served yet: train one first (POST /api/returns).");

/// <summary>The model that is served, loaded. Asks the pointer each time and loads again when it has moved.</summary>
/// <remarks>A model is loaded only when its archive is the one that was judged, by its checksum. One that cannot be loaded leaves the last
/// good one in memory unused: serving another model than the pointer names would store predictions under a false version.</remarks>
public sealed class ModelServer(ReturnsStorage storage) : IDisposable
{
    private readonly SemaphoreSlim loading = new(1);
    private (ModelPointer Pointer, ReturnsModel Model)? loaded;

    /// <exception cref="NoModelException">None was published.</exception>
    /// <exception cref="ObjectChangedException">The archive is not the one that was judged.</exception>
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
            loaded = (pointer, model); // the one before may be in use: its finalizer frees it
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
