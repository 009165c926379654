using System.Collections;
using System.Net;
using System.Xml;
using System.Xml.Linq;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;
using Amazon.Util;

namespace Durable.AwsServices;

/// <summary>EC2's protocol: a form of dotted, numbered parameters out, XML back.</summary>
internal sealed class Ec2Query(string version) : IWireProtocol
{
    public IRequest Marshall(ServiceWire service, string operation, AmazonWebServiceRequest request)
    {
        DefaultRequest form = new(request, service.RequestServiceName);
        form.Parameters.Add("Action", operation);
        form.Parameters.Add("Version", version);
        Write(form.Parameters, "", request);
        form.Content = AWSSDKUtils.GetRequestPayloadBytes(form);
        return form;
    }

    public ResponseUnmarshaller Unmarshaller<TResponse>(ServiceWire service) where TResponse : AmazonWebServiceResponse, new() =>
        new Reader<TResponse>(service);

    private static void Write(IDictionary<string, string> parameters, string prefix, object structure)
    {
        foreach (WireMember member in WireShape.Of(structure.GetType()).Members)
        {
            if (member.ToSend(structure) is { } value) WriteValue(parameters, prefix + member.Query, value);
        }
    }

    private static void WriteValue(IDictionary<string, string> parameters, string name, object value)
    {
        if (value is IList list)
        {
            if (list.Count == 0) parameters.Add(name, ""); // set and empty, as the official clients send it
            for (int i = 0; i < list.Count; i++)
            {
                if (list[i] is { } element) WriteValue(parameters, $"{name}.{i + 1}", element);
            }
        }
        else if (value is string or ConstantClass || value.GetType().IsValueType) parameters.Add(name, WireText.Write(value));
        else Write(parameters, name + ".", value);
    }

    private sealed class Reader<TResponse>(ServiceWire service) : XmlResponseUnmarshaller where TResponse : AmazonWebServiceResponse, new()
    {
        public override AmazonWebServiceResponse Unmarshall(XmlUnmarshallerContext context)
        {
            XElement root = XDocument.Load(context.Stream).Root!;
            TResponse response = (TResponse)ReadStructure(root, typeof(TResponse));
            response.ResponseMetadata = new ResponseMetadata { RequestId = Child(root, "requestId") };
            return response;
        }

        public override AmazonServiceException UnmarshallException(XmlUnmarshallerContext context, Exception innerException, HttpStatusCode statusCode)
        {
            ErrorResponse error = new() { InnerException = innerException, StatusCode = statusCode, Type = (int)statusCode < 500 ? ErrorType.Sender : ErrorType.Receiver };
            try
            {
                XElement root = XDocument.Load(context.Stream).Root!;
                XElement? first = root.Descendants().FirstOrDefault(e => e.Name.LocalName == "Error");
                error.Code = Child(first, "Code");
                error.Message = Child(first, "Message");
                error.RequestId = Child(root, "RequestID") ?? Child(root, "RequestId");
            }
            catch (XmlException) // a proxy's page, not EC2's answer: the status code says what there is to say
            {
                error.Message = $"The answer with status {(int)statusCode} is not EC2's XML.";
            }

            return service.Error(error);
        }

        private static object ReadStructure(XElement element, Type type)
        {
            object structure = Activator.CreateInstance(type)!;
            WireShape shape = WireShape.Of(type);
            if (shape.FindXml("") is { } whole) whole.Set(structure, ReadValue(element, whole.Type));
            foreach (XElement child in element.Elements())
            {
                if (shape.FindXml(child.Name.LocalName) is { } member) member.Set(structure, ReadValue(child, member.Type));
            }

            return structure;
        }

        private static object? ReadValue(XElement element, Type type)
        {
            if (typeof(IList).IsAssignableFrom(type))
            {
                IList list = (IList)Activator.CreateInstance(type)!;
                foreach (XElement item in element.Elements()) list.Add(ReadValue(item, type.GetGenericArguments()[0]));
                return list;
            }

            if (type == typeof(string)) return element.Value;
            if (!type.IsValueType && !type.IsSubclassOf(typeof(ConstantClass))) return ReadStructure(element, type);
            return element.Value.Length == 0 ? null : WireText.Read(element.Value, type);
        }

        private static string? Child(XElement? element, string name) => element?.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value;
    }
}
