using Amazon.Runtime;
using Amazon.Runtime.Credentials.Internal;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.Runtime.Internal.Transform;

namespace Durable.AwsServices;

/// <summary>How requests become bytes and bytes become responses; one per protocol, inside the pipeline of AWSSDK.Core.</summary>
internal interface IWireProtocol
{
    IRequest Marshall(ServiceWire service, string operation, AmazonWebServiceRequest request);

    ResponseUnmarshaller Unmarshaller<TResponse>(ServiceWire service)
        where TResponse : AmazonWebServiceResponse, new();
}

/// <summary>What the pipeline needs to know about a service; the rest (retries, credentials, clock, signing) is the SDK's.</summary>
internal sealed class ServiceWire(
    string serviceId,
    string requestServiceName,
    IWireProtocol protocol,
    Func<ErrorResponse, AmazonServiceException> errorOf
) : IServiceMetadata
{
    public string ServiceId => serviceId;

    public IDictionary<string, string> OperationNameMapping { get; } = new Dictionary<string, string>();

    public string RequestServiceName => requestServiceName;

    public AmazonServiceException Error(ErrorResponse error) => errorOf(error);

    public InvokeOptions Operation<TResponse>(string operation, bool discoversEndpoint = false)
        where TResponse : AmazonWebServiceResponse, new() =>
        new()
        {
            RequestMarshaller = new Marshaller(request => protocol.Marshall(this, operation, request)),
            ResponseUnmarshaller = protocol.Unmarshaller<TResponse>(this),
            EndpointDiscoveryMarshaller = discoversEndpoint ? new DiscoveryMarshaller() : null,
        };

    /// <summary>The same operation, asking <paramref name="client"/> for its account's endpoint.</summary>
    public static InvokeOptions Discovering(InvokeOptions operation, EndpointOperationDelegate client) =>
        new()
        {
            RequestMarshaller = operation.RequestMarshaller,
            ResponseUnmarshaller = operation.ResponseUnmarshaller,
            EndpointDiscoveryMarshaller = operation.EndpointDiscoveryMarshaller,
            EndpointOperation = client,
        };

    public static void Customize(RuntimePipeline pipeline)
    {
        pipeline.RemoveHandler<EndpointResolver>();
        pipeline.AddHandlerAfter<Amazon.Runtime.Internal.Marshaller>(new ServiceEndpointResolver());
        pipeline.AddHandlerAfter<Amazon.Runtime.Internal.Marshaller>(new SignatureVersion4());
    }

    private sealed class Marshaller(Func<AmazonWebServiceRequest, IRequest> marshall) : IMarshaller<IRequest, AmazonWebServiceRequest>
    {
        public IRequest Marshall(AmazonWebServiceRequest input) => marshall(input);
    }

    private sealed class DiscoveryMarshaller : IMarshaller<EndpointDiscoveryDataBase, AmazonWebServiceRequest>
    {
        public EndpointDiscoveryDataBase Marshall(AmazonWebServiceRequest input) => new EndpointDiscoveryData(required: true);
    }

    private sealed class SignatureVersion4 : BaseAuthResolverHandler
    {
        protected override List<IAuthSchemeOption> ResolveAuthOptions(IExecutionContext executionContext) => AuthSchemeOption.DEFAULT_SIGV4;
    }
}
