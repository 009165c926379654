using System.Collections;
using System.Net;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;
using Amazon.Runtime.Internal.Util;
using Amazon.Util;

namespace Durable.AwsServices;

/// <summary>AWS JSON 1.0 and 1.1: the operation in a header, one object each way, times as seconds since 1970.</summary>
internal sealed class AwsJson(string jsonVersion, string targetPrefix, string version) : IWireProtocol
{
    public IRequest Marshall(ServiceWire service, string operation, AmazonWebServiceRequest request)
    {
        DefaultRequest post = new(request, service.RequestServiceName) { HttpMethod = "POST", ResourcePath = "/" };
        post.Headers["X-Amz-Target"] = $"{targetPrefix}.{operation}";
        post.Headers[HeaderKeys.ContentTypeHeader] = $"application/x-amz-json-{jsonVersion}";
        post.Headers[HeaderKeys.XAmzApiVersion] = version;
        using MemoryStream body = new();
        using (Utf8JsonWriter writer = new(body))
            WriteStructure(writer, request);
        post.Content = body.ToArray();
        return post;
    }

    public ResponseUnmarshaller Unmarshaller<TResponse>(ServiceWire service)
        where TResponse : AmazonWebServiceResponse, new() => new Reader<TResponse>(service);

    private static void WriteStructure(Utf8JsonWriter writer, object structure)
    {
        writer.WriteStartObject();
        foreach (WireMember member in WireShape.Of(structure.GetType()).Members)
        {
            if (member.ToSend(structure) is not { } value)
                continue;
            writer.WritePropertyName(member.Json);
            WriteValue(writer, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case ConstantClass constant:
                writer.WriteStringValue(constant.Value);
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case int number:
                writer.WriteNumberValue(number);
                break;
            case long number:
                writer.WriteNumberValue(number);
                break;
            case float number:
                writer.WriteNumberValue(number);
                break;
            case double number:
                writer.WriteNumberValue(number);
                break;
            case DateTime time:
                writer.WriteNumberValue((decimal)(time.ToUniversalTime() - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerSecond);
                break;
            case IDictionary map:
                writer.WriteStartObject();
                foreach (DictionaryEntry entry in map)
                {
                    writer.WritePropertyName((string)entry.Key);
                    WriteValue(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;
            case IList list:
                writer.WriteStartArray();
                foreach (object? element in list)
                    WriteValue(writer, element);
                writer.WriteEndArray();
                break;
            default:
                WriteStructure(writer, value);
                break;
        }
    }

    private static void ReadInto(object structure, JsonElement json)
    {
        WireShape shape = WireShape.Of(structure.GetType());
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (shape.FindJson(property.Name) is { } member && property.Value.ValueKind != JsonValueKind.Null)
                member.Set(structure, ReadValue(property.Value, member.Type));
        }
    }

    private static object? ReadValue(JsonElement json, Type type)
    {
        if (json.ValueKind == JsonValueKind.Null)
            return null;
        if (type == typeof(string))
            return json.ValueKind == JsonValueKind.String ? json.GetString() : json.GetRawText(); // a JSON value in a string member
        if (type == typeof(bool))
            return json.GetBoolean();
        if (type == typeof(int))
            return json.GetInt32();
        if (type == typeof(long))
            return json.GetInt64();
        if (type == typeof(float))
            return json.GetSingle();
        if (type == typeof(double))
            return json.GetDouble();
        if (type == typeof(DateTime))
            return ReadTime(json);
        if (type.IsSubclassOf(typeof(ConstantClass)))
            return WireText.Constant(json.GetString()!, type);
        if (typeof(IDictionary).IsAssignableFrom(type))
        {
            IDictionary map = (IDictionary)Activator.CreateInstance(type)!;
            foreach (JsonProperty entry in json.EnumerateObject())
                map[entry.Name] = ReadValue(entry.Value, type.GetGenericArguments()[1]);
            return map;
        }

        if (typeof(IList).IsAssignableFrom(type))
        {
            IList list = (IList)Activator.CreateInstance(type)!;
            foreach (JsonElement element in json.EnumerateArray())
                list.Add(ReadValue(element, type.GetGenericArguments()[0]));
            return list;
        }

        object structure = Activator.CreateInstance(type)!;
        ReadInto(structure, json);
        return structure;
    }

    private static object ReadTime(JsonElement json) =>
        json.ValueKind == JsonValueKind.Number
            ? DateTime.UnixEpoch.AddTicks((long)(json.GetDecimal() * TimeSpan.TicksPerSecond))
            : WireText.Read(json.GetString()!, typeof(DateTime));

    private sealed class Reader<TResponse>(ServiceWire service) : JsonResponseUnmarshaller
        where TResponse : AmazonWebServiceResponse, new()
    {
        public override AmazonWebServiceResponse Unmarshall(JsonUnmarshallerContext context)
        {
            TResponse response = new();
            using MemoryStream body = new();
            context.Stream.CopyTo(body); // to the end: the base class verifies the checksum of everything read
            if (body.Length == 0)
                return response; // operations without a response body
            using JsonDocument document = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
            ReadInto(response, document.RootElement);
            return response;
        }

        public override AmazonServiceException UnmarshallException(
            JsonUnmarshallerContext context,
            Exception innerException,
            HttpStatusCode statusCode
        )
        {
            StreamingUtf8JsonReader reader = new(context.Stream);
            ErrorResponse error = JsonErrorResponseUnmarshaller.GetInstance().Unmarshall(context, ref reader);
            error.InnerException = innerException;
            error.StatusCode = statusCode;
            AmazonServiceException exception = service.Error(error);
            if (WireShape.Of(exception.GetType()).Members.Count > 0)
            {
                using JsonDocument document = JsonDocument.Parse(context.GetResponseBodyBytes());
                ReadInto(exception, document.RootElement);
            }

            return exception;
        }
    }
}
