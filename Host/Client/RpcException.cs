namespace Grpc.Core;

/// <summary>
/// What the official client throws when the extension refuses a call. The embedded client speaks no gRPC, but type name and message are what callers see
/// and record, so both are kept. Internal: portable code catches <see cref="Exception"/> or asks for the instance's status first.
/// </summary>
internal sealed class RpcException(string statusCode, string detail) : Exception($"Status(StatusCode=\"{statusCode}\", Detail=\"{detail}\")")
{
    /// <summary>Name of the status code, for example <c>NotFound</c>.</summary>
    public string StatusCode { get; } = statusCode;
}
