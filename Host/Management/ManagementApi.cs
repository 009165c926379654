using Durable.Host.Http;
using Durable.Host.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Management;

/// <summary>
/// The management API of the durable extension: keys first, then the route, then the operation. Status codes, headers, bodies and texts are
/// as recorded; docs/compatibility.md lists what differs and why.
/// </summary>
internal sealed partial class ManagementApi(
    ITaskHub hub,
    IWebhookAuthorization authorization,
    LinkKeys linkKeys,
    TimeProvider time,
    ILogger<ManagementApi> logger
)
{
    /// <summary>Answers one request.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        PathString rest = http.Request.Path.StartsWithSegments(ManagementEndpoints.Base, out PathString below) ? below : PathString.Empty;
        ManagementRoute? route = ManagementRoute.Read(http.Request.Method, rest.Value ?? string.Empty);
        if (Refused(http, ref route))
            return;
        if (route is not { } asked)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        try
        {
            if (NamesAnotherHub(http.Request))
                await RefuseOtherHubAsync(http);
            else if (ManagementQuery.UnknownParameter(http.Request.Query, asked.Operation) is { } name)
                await RefuseParameterAsync(http, name, asked.Operation);
            else
                await PerformAsync(http, asked);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has disconnected.
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            await AnswerAsync(http, e, asked);
        }
    }

    private Task PerformAsync(HttpContext http, ManagementRoute route) =>
        route.Operation switch
        {
            ManagementOperation.Start => StartAsync(http, route.Name, route.InstanceId),
            ManagementOperation.Status => StatusAsync(http, route),
            ManagementOperation.List => ListAsync(http),
            ManagementOperation.Purge => PurgeAsync(http, route),
            ManagementOperation.PurgeMany => PurgeManyAsync(http),
            ManagementOperation.RaiseEvent => RaiseEventAsync(http, route),
            ManagementOperation.Restart => RestartAsync(http, route),
            _ => CommandAsync(http, route),
        };

    // The key may be an instance's link key. Links write a space as +, so the id may contain spaces: only the id that was signed is used.
    private bool Refused(HttpContext http, ref ManagementRoute? route)
    {
        WebhookAccess access = authorization.Check(http);
        if (
            access != WebhookAccess.Forbidden
            && route is { IsOfOneInstance: true } asked
            && HostKeys.Presented(http.Request) is { } key
            && new[] { asked.InstanceId, WithSpaces(asked.InstanceId) }.FirstOrDefault(id => linkKeys.Opens(key, id)) is { } signed
        )
        {
            route = asked with { InstanceId = signed, Exact = true };
            return false;
        }

        if (access == WebhookAccess.Allowed)
            return false;
        http.Response.StatusCode = access == WebhookAccess.Unknown ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
        if (access == WebhookAccess.Unknown)
            http.Response.Headers.WWWAuthenticate = "Bearer";
        return true;
    }

    private bool NamesAnotherHub(HttpRequest request) =>
        request.Query["taskHub"].ToString() is { Length: > 0 } named && !named.Equals(hub.Name, StringComparison.OrdinalIgnoreCase);

    private Task RefuseOtherHubAsync(HttpContext http) =>
        ManagementJson.WriteErrorAsync(
            http,
            StatusCodes.Status400BadRequest,
            $"This host serves the task hub '{hub.Name}' only; leave taskHub out or name it."
        );

    private static Task RefuseParameterAsync(HttpContext http, string name, ManagementOperation operation) =>
        ManagementJson.WriteErrorAsync(
            http,
            StatusCodes.Status400BadRequest,
            $"'{name}' is no parameter of this call; nothing was done. It takes: "
                + $"{string.Join(", ", ManagementQuery.Parameters(operation)!)}."
        );

    private async Task AnswerAsync(HttpContext http, Exception e, ManagementRoute route)
    {
        http.Response.Clear();
        switch (e)
        {
            case InvalidJsonException:
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status400BadRequest,
                    "Invalid JSON content",
                    "Newtonsoft.Json.JsonReaderException",
                    e.Message
                );
                break;
            case BodyTooLargeException or BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                http.Response.Headers.Connection = "close"; // the rest of the body is not read
                await ManagementJson.WriteErrorAsync(http, StatusCodes.Status413PayloadTooLarge, new BodyTooLargeException().Message);
                break;
            case BadHttpRequestException bad:
                await ManagementJson.WriteErrorAsync(http, bad.StatusCode, bad.Message);
                break;
            case ArgumentException:
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status400BadRequest,
                    "One or more of the arguments submitted is incorrect",
                    "System.ArgumentException",
                    e.Message
                );
                break;
            case RefusedException refused:
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status500InternalServerError,
                    "Something went wrong while processing your request",
                    refused.Type,
                    e.Message
                );
                break;
            case NpgsqlException when HubDatabase.IsTransient(e):
                http.Response.Headers.RetryAfter = "1";
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status503ServiceUnavailable,
                    $"The task hub's database is unavailable. {HubDatabase.Explain(e)}"
                );
                break;
            default:
                Log.Failed(logger, e, route.Operation, route.InstanceId, http.TraceIdentifier);
                await ManagementJson.WriteErrorAsync(
                    http,
                    StatusCodes.Status500InternalServerError,
                    "Something went wrong while processing your request",
                    "System.Exception",
                    $"The host could not do this; its log says why under request {http.TraceIdentifier}."
                );
                break;
        }
    }

    private async Task<InstanceRecord?> FindAsync(
        ManagementRoute route,
        bool payloads,
        CancellationToken cancellation,
        bool input = true
    ) =>
        await hub.GetAsync(route.InstanceId, payloads, cancellation, input)
        ?? (
            route.Exact || !route.InstanceId.Contains('+', StringComparison.Ordinal)
                ? null
                : await hub.GetAsync(WithSpaces(route.InstanceId), payloads, cancellation, input)
        );

    private static string WithSpaces(string instanceId) => instanceId.Replace('+', ' ');

    private static void Answer(HttpContext http, int status) => http.Response.StatusCode = status;
}

/// <summary>The hub refuses a caller's error. The extension answers these with 500, so the exception's official type and text are
/// shown.</summary>
internal sealed class RefusedException(string type, string message) : Exception(message)
{
    /// <summary>Full name of the official exception type.</summary>
    public string Type { get; } = type;
}
