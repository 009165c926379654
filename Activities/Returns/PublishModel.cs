using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Publishes a judged model. Safe to run twice.</summary>
/// <exception cref="PointerMovedException">The served model is no longer the one it was compared with: judge again.</exception>
/// <exception cref="ObjectChangedException">The archive is not the one that was judged; permanent.</exception>
public sealed class PublishModel(ModelRegistry registry)
{
    [Function(nameof(PublishModel))]
    public Task<ModelPointer> RunAsync([ActivityTrigger] JudgedModel judged, CancellationToken cancellationToken) =>
        registry.PublishAsync(judged, cancellationToken);
}
