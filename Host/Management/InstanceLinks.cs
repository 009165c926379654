using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Durable.Host.Management;

/// <summary>The links in the answer to a start or restart: camelCase, ids form-encoded, no rewind, as recorded.</summary>
internal sealed record InstanceLinks(string InstanceId, string Prefix, string Query)
{
    /// <summary>The extension names its storage connection in every link.</summary>
    private const string Connection = "Storage";

    /// <summary>Links under the request's address.</summary>
    public static InstanceLinks For(HttpRequest request, string hub, string instanceId, string? code)
    {
        string query = $"taskHub={WebUtility.UrlEncode(hub)}&connection={Connection}";
        return new InstanceLinks(
            instanceId,
            $"{request.Scheme}://{request.Host}{request.PathBase}{ManagementEndpoints.Base}/instances/{WebUtility.UrlEncode(instanceId)}",
            code is null ? query : $"{query}&code={Uri.EscapeDataString(code)}"
        );
    }

    /// <summary>URL of the status.</summary>
    public string Status => $"{Prefix}?{Query}";

    /// <summary>Writes the payload.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", InstanceId);
        json.WriteString("statusQueryGetUri", Status);
        json.WriteString("sendEventPostUri", $"{Prefix}/raiseEvent/{{eventName}}?{Query}");
        json.WriteString("terminatePostUri", $"{Prefix}/terminate?reason={{text}}&{Query}");
        json.WriteString("purgeHistoryDeleteUri", Status);
        json.WriteString("restartPostUri", $"{Prefix}/restart?{Query}");
        json.WriteString("suspendPostUri", $"{Prefix}/suspend?reason={{text}}&{Query}");
        json.WriteString("resumePostUri", $"{Prefix}/resume?reason={{text}}&{Query}");
        json.WriteEndObject();
    }
}
