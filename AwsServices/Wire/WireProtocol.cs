using System.Net;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;

namespace Durable.AwsServices.Wire;

/// <summary>How one service speaks: one marshaller for all its requests, one unmarshaller for each response type.</summary>
/// <remarks>Everything else (signing, retries, credentials, clock skew, endpoints) is the SDK's own pipeline.</remarks>
internal sealed class WireProtocol
{
    private readonly Func<string, IMarshaller<IRequest, AmazonWebServiceRequest>> marshaller;
    private readonly Func<Type, ResponseUnmarshaller> unmarshaller;

    private WireProtocol(Func<string, IMarshaller<IRequest, AmazonWebServiceRequest>> marshaller, Func<Type, ResponseUnmarshaller> unmarshaller)
    {
        this.marshaller = marshaller;
        this.unmarshaller = unmarshaller;
    }

    /// <summary>EC2 Query: form fields out, XML in.</summary>
    public static WireProtocol Ec2(string version, Func<WireError, AmazonServiceException> errors) =>
        new(operation => new Ec2QueryMarshaller(operation, version), response => new Ec2XmlUnmarshaller(response, errors));

    /// <summary>AWS JSON 1.0 or 1.1: a JSON object each way, the operation in a header.</summary>
    public static WireProtocol Json(string version, string target, Func<WireError, AmazonServiceException> errors) =>
        new(operation => new AwsJsonMarshaller(operation, version, target), response => new AwsJsonUnmarshaller(response, errors));

    /// <summary>What the SDK's pipeline needs to call <paramref name="operation"/>.</summary>
    public InvokeOptions Options<TResponse>(string operation)
        where TResponse : AmazonWebServiceResponse, new() => new() { RequestMarshaller = marshaller(operation), ResponseUnmarshaller = unmarshaller(typeof(TResponse)) };
}

/// <summary>An error as the service told it.</summary>
internal sealed record WireError(string Code, string Message, Exception Inner, ErrorType Type, string RequestId, HttpStatusCode StatusCode)
{
    /// <summary>Who is at fault by the status: 5xx the service, anything else the sender.</summary>
    public static ErrorType TypeOf(HttpStatusCode status) => (int)status >= 500 ? ErrorType.Receiver : ErrorType.Sender;
}
