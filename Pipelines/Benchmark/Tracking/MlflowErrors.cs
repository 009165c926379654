using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Tracking;

/// <summary>The tracking server refused a call for good: a retry gets the same answer.</summary>
public sealed class MlflowRefusedException(string operation, int status, string code, string message)
    : PermanentFailureException($"MLflow refused {operation}: {code} ({status}) {message}")
{
    /// <summary>MLflow's error code, e.g. <c>RESOURCE_DOES_NOT_EXIST</c>.</summary>
    public string Code { get; } = code;
}

/// <summary>The tracking server did not answer. The call may still have taken effect.</summary>
public sealed class MlflowUnavailableException(string operation, string reason) : Exception($"MLflow did not answer {operation}: {reason}");
