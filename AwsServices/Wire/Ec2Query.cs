using System.Collections;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Xml.Linq;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;

namespace Durable.AwsServices.Wire;

/// <summary>Writes a request as the form fields of the EC2 Query protocol: <c>InstanceId.1=i-1&amp;Filter.1.Name=…</c>; a list that is set but empty is <c>Name=</c>.</summary>
internal sealed class Ec2QueryMarshaller(string operation, string version) : IMarshaller<IRequest, AmazonWebServiceRequest>
{
    /// <inheritdoc />
    public IRequest Marshall(AmazonWebServiceRequest input)
    {
        DefaultRequest request = new(input, "Amazon.EC2") { HttpMethod = "POST", ResourcePath = "/" };
        request.Parameters["Action"] = operation;
        request.Parameters["Version"] = version;
        WriteMembers(request.Parameters, string.Empty, input);
        return request;
    }

    private static void WriteMembers(IDictionary<string, string> fields, string prefix, object structure)
    {
        foreach (WireMember member in WireShape.Of(structure.GetType()).Members)
        {
            if (member.Property.GetValue(structure) is { } value)
            {
                Write(fields, prefix + member.RequestName, value);
            }
        }
    }

    private static void Write(IDictionary<string, string> fields, string name, object value)
    {
        switch (value)
        {
            case string text:
                fields[name] = text;
                break;
            case ConstantClass constant:
                fields[name] = constant.Value;
                break;
            case bool flag:
                fields[name] = flag ? "true" : "false";
                break;
            case DateTime time:
                fields[name] = time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
                break;
            case IFormattable number:
                fields[name] = number.ToString(null, CultureInfo.InvariantCulture);
                break;
            case IList { Count: 0 }:
                fields[name] = string.Empty;
                break;
            case IList list:
                for (int i = 0; i < list.Count; i++)
                {
                    Write(fields, string.Create(CultureInfo.InvariantCulture, $"{name}.{i + 1}"), list[i]!);
                }

                break;
            default:
                WriteMembers(fields, name + ".", value);
                break;
        }
    }
}

/// <summary>Reads responses and errors of the EC2 Query protocol.</summary>
internal sealed class Ec2XmlUnmarshaller(Type response, Func<WireError, AmazonServiceException> errors) : XmlResponseUnmarshaller
{
    /// <inheritdoc />
    public override AmazonWebServiceResponse Unmarshall(XmlUnmarshallerContext input)
    {
        AmazonWebServiceResponse result = (AmazonWebServiceResponse)Activator.CreateInstance(response)!;
        XElement root = XDocument.Load(input.Stream).Root!;
        if (WireShape.Of(response).Whole is { } whole)
        {
            whole.SetValue(result, Read(whole.PropertyType, root));
        }
        else
        {
            ReadMembers(result, root);
        }

        result.ResponseMetadata = new ResponseMetadata { RequestId = Child(root, "requestId")?.Value };
        return result;
    }

    /// <inheritdoc />
    public override AmazonServiceException UnmarshallException(XmlUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode)
    {
        XElement root = XDocument.Load(input.Stream).Root!;
        XElement? error = root.Descendants().FirstOrDefault(e => e.Name.LocalName == "Error");
        string? requestId = (Child(root, "RequestID") ?? Child(root, "RequestId") ?? Child(root, "requestId"))?.Value;
        return errors(new WireError(
            error is null ? statusCode.ToString() : Child(error, "Code")?.Value ?? string.Empty, error is null ? root.Value : Child(error, "Message")?.Value ?? string.Empty,
            innerException, WireError.TypeOf(statusCode), requestId ?? string.Empty, statusCode));
    }

    private static object Read(Type type, XElement element)
    {
        if (WireShape.ListItem(type) is { } item)
        {
            IList list = (IList)Activator.CreateInstance(type)!;
            foreach (XElement child in element.Elements())
            {
                list.Add(Read(item, child));
            }

            return list;
        }

        if (!WireShape.IsStructure(type))
        {
            return WireShape.Parse(type, element.Value);
        }

        object structure = Activator.CreateInstance(type)!;
        ReadMembers(structure, element);
        return structure;
    }

    private static void ReadMembers(object structure, XElement element)
    {
        foreach (WireMember member in WireShape.Of(structure.GetType()).Members)
        {
            string name = member.ResponseName ?? char.ToLowerInvariant(member.Property.Name[0]) + member.Property.Name[1..];
            Type type = member.Property.PropertyType;

            // An empty element is an empty list or structure, but no number, no date and no constant.
            if (Child(element, name) is { } child && (child.HasElements || child.Value.Length > 0 || WireShape.ListItem(type) is not null || WireShape.IsStructure(type) || type == typeof(string)))
            {
                member.Property.SetValue(structure, Read(type, child));
            }
        }
    }

    // By local name: the namespace carries the API's version.
    private static XElement? Child(XElement element, string name) => element.Elements().FirstOrDefault(e => e.Name.LocalName == name);
}
