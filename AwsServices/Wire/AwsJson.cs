using System.Collections;
using System.Net;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;
using Amazon.Runtime.Internal.Util;

namespace Durable.AwsServices.Wire;

/// <summary>Writes a request of the AWS JSON protocol. Members that are null are left out; times are seconds since 1970.</summary>
internal sealed class AwsJsonMarshaller(string operation, string version, string target) : IMarshaller<IRequest, AmazonWebServiceRequest>
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <inheritdoc />
    public IRequest Marshall(AmazonWebServiceRequest input)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter json = new(body, Relaxed))
        {
            Write(json, input);
        }

        DefaultRequest request = new(input, "Amazon." + target) { HttpMethod = "POST", ResourcePath = "/", Content = body.ToArray() };
        request.Headers["X-Amz-Target"] = $"{target}.{operation}";
        request.Headers["Content-Type"] = $"application/x-amz-json-{version}";
        return request;
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteStringValue(text);
                break;
            case ConstantClass constant:
                json.WriteStringValue(constant.Value);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case float number:
                json.WriteNumberValue(number);
                break;
            case double number:
                json.WriteNumberValue(number);
                break;
            case DateTime time:
                json.WriteNumberValue((time.ToUniversalTime() - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond / 1000m);
                break;
            case IDictionary map:
                json.WriteStartObject();
                foreach (DictionaryEntry entry in map)
                {
                    json.WritePropertyName((string)entry.Key);
                    Write(json, entry.Value!);
                }

                json.WriteEndObject();
                break;
            case IList list:
                json.WriteStartArray();
                foreach (object? item in list)
                {
                    Write(json, item!);
                }

                json.WriteEndArray();
                break;
            default:
                json.WriteStartObject();
                foreach (WireMember member in WireShape.Of(value.GetType()).Members)
                {
                    if (member.Property.GetValue(value) is { } set)
                    {
                        json.WritePropertyName(member.RequestName);
                        Write(json, set);
                    }
                }

                json.WriteEndObject();
                break;
        }
    }
}

/// <summary>Reads responses and errors of the AWS JSON protocol. Unknown members are passed over.</summary>
internal sealed class AwsJsonUnmarshaller(Type response, Func<WireError, AmazonServiceException> errors) : JsonResponseUnmarshaller
{
    /// <inheritdoc />
    public override AmazonWebServiceResponse Unmarshall(JsonUnmarshallerContext input)
    {
        AmazonWebServiceResponse result = (AmazonWebServiceResponse)Activator.CreateInstance(response)!;
        using MemoryStream body = new();
        input.Stream.CopyTo(body);
        if (body.Length > 0)
        {
            body.Position = 0;
            using JsonDocument document = JsonDocument.Parse(body);
            ReadMembers(result, document.RootElement);
        }

        result.ResponseMetadata = new ResponseMetadata { RequestId = input.ResponseData?.GetHeaderValue("x-amzn-RequestId") };
        return result;
    }

    /// <inheritdoc />
    public override AmazonServiceException UnmarshallException(JsonUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode)
    {
        StreamingUtf8JsonReader reader = new(input.Stream);
        ErrorResponse error = JsonErrorResponseUnmarshaller.GetInstance().Unmarshall(input, ref reader);
        return errors(new WireError(error.Code ?? string.Empty, error.Message ?? string.Empty, innerException, WireError.TypeOf(statusCode), error.RequestId ?? string.Empty, statusCode));
    }

    private static object Read(Type type, JsonElement json)
    {
        if (WireShape.ListItem(type) is { } item)
        {
            IList list = (IList)Activator.CreateInstance(type)!;
            foreach (JsonElement element in json.EnumerateArray())
            {
                list.Add(element.ValueKind == JsonValueKind.Null ? null : Read(item, element));
            }

            return list;
        }

        if (WireShape.MapValue(type) is { } value)
        {
            IDictionary map = (IDictionary)Activator.CreateInstance(type)!;
            foreach (JsonProperty property in json.EnumerateObject())
            {
                map[property.Name] = property.Value.ValueKind == JsonValueKind.Null ? null : Read(value, property.Value);
            }

            return map;
        }

        if (WireShape.IsStructure(type))
        {
            object structure = Activator.CreateInstance(type)!;
            ReadMembers(structure, json);
            return structure;
        }

        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return json.ValueKind switch
        {
            JsonValueKind.Number when plain == typeof(DateTime) => DateTime.UnixEpoch.AddTicks((long)(json.GetDecimal() * TimeSpan.TicksPerSecond)),
            JsonValueKind.Number => Convert.ChangeType(json.GetDecimal(), plain, System.Globalization.CultureInfo.InvariantCulture),
            JsonValueKind.True or JsonValueKind.False => json.GetBoolean(),
            _ => WireShape.Parse(type, json.GetString()!),
        };
    }

    private static void ReadMembers(object structure, JsonElement json)
    {
        foreach (WireMember member in WireShape.Of(structure.GetType()).Members)
        {
            if (json.TryGetProperty(member.ResponseName ?? member.RequestName, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                member.Property.SetValue(structure, Read(member.Property.PropertyType, value));
            }
        }
    }
}
