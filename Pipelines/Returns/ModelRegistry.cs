using Durable.Operations;

namespace Durable.Pipelines.Returns;

/// <summary>There is no published model to roll back to.</summary>
public sealed class RollbackRefusedException(string reason) : PermanentFailureException(reason);

/// <summary>Moves the pointer to the served model: forward to a judged one, or back to an earlier one.</summary>
public sealed class ModelRegistry(ReturnsStorage storage, ModelTable models, ModelServer server, TimeProvider clock)
{
    /// <summary>Stores the judged archive under its version, then moves the pointer. Safe to repeat and to be killed anywhere: nothing
    /// changes until the pointer moves.</summary>
    /// <exception cref="ObjectChangedException">The job's archive is not the judged one, or another archive has its version.</exception>
    /// <exception cref="PointerMovedException">The served model is no longer the one it was compared with.</exception>
    public async Task<ModelPointer> PublishAsync(JudgedModel judged, CancellationToken cancellationToken = default)
    {
        if (!judged.IsAccepted)
            throw new ArgumentException($"Model {judged.Version} was refused: {string.Join("; ", judged.Failed)}");
        byte[] archive = await storage.ReadAsync(judged.ArtifactUri, cancellationToken);
        string found = ReturnsStorage.Hash(archive);
        if (found != judged.Sha256)
            throw new ObjectChangedException(judged.ArtifactUri, judged.Sha256, found);
        await storage.StoreModelAsync(judged.Version, archive, cancellationToken);
        ModelPointer pointer = new(
            storage.Uri(storage.ModelKey(judged.Version)),
            judged.Version,
            judged.Sha256,
            judged.JobName,
            judged.TrainUri,
            Now,
            judged.TestMse,
            judged.CurrentVersion
        );
        await storage.MovePointerAsync(pointer, judged.PointerMark, cancellationToken);
        await models.MovedAsync(judged.CurrentVersion, judged.Version, pointer.ModelUri, PointerReason.Publish, cancellationToken);
        return pointer;
    }

    /// <summary>Publishes an earlier model again.</summary>
    /// <param name="version">Null: the one published before the served one.</param>
    /// <exception cref="NoModelException">None is served.</exception>
    /// <exception cref="RollbackRefusedException">There is no such model.</exception>
    /// <exception cref="ObjectChangedException">Its archive is not the judged one; the pointer stays.</exception>
    /// <exception cref="PointerMovedException">The pointer was moved concurrently.</exception>
    public async Task<ModelPointer> RollBackAsync(string? version, CancellationToken cancellationToken = default)
    {
        ServedPointer served = await storage.ReadPointerAsync(cancellationToken) ?? throw new NoModelException();
        ModelRow model =
            (
                version is null
                    ? await models.FindBeforeAsync(served.Pointer.Version, cancellationToken)
                    : await models.FindPublishedAsync(version, cancellationToken)
            )
            ?? throw new RollbackRefusedException(
                version is null
                    ? $"No model was published before {served.Pointer.Version}."
                    : $"No model of version '{version}' was ever published."
            );
        if (model.Version == served.Pointer.Version)
            throw new RollbackRefusedException($"Model {model.Version} is served already.");
        double? mse =
            model.Judgement.TryGetProperty("candidate", out System.Text.Json.JsonElement value)
            && value.ValueKind == System.Text.Json.JsonValueKind.Number
                ? value.GetDouble()
                : null;
        ModelPointer pointer = new(
            model.ModelUri!,
            model.Version,
            model.Sha256,
            model.JobName,
            model.TrainUri,
            Now,
            mse,
            served.Pointer.Version
        );
        (await server.LoadAsync(pointer, cancellationToken)).Dispose(); // complete and loadable, or the pointer stays
        await storage.MovePointerAsync(pointer, served.ETag, cancellationToken);
        await models.MovedAsync(served.Pointer.Version, model.Version, pointer.ModelUri, PointerReason.Rollback, cancellationToken);
        return pointer;
    }

    private string Now => clock.GetUtcNow().UtcDateTime.ToString("O");
}
