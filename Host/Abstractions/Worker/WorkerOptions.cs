using Azure.Core.Serialization;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>Options of the worker.</summary>
public class WorkerOptions
{
    /// <summary>Serializer of <c>ReadFromJsonAsync</c> and <c>WriteAsJsonAsync</c>; default: System.Text.Json, reading names without case.</summary>
    public ObjectSerializer? Serializer { get; set; }
}
