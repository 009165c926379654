using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Http;

/// <summary>
/// Decides whether a request may pass. On loopback addresses no key is required, as with <c>func start</c>. Keys are required when the host
/// listens on any other address, or with <c>Durable__RequireKeys=true</c> or <c>--enableAuth</c>. Without keys a foreign Origin or Host
/// header is refused: otherwise any web page open in a browser could start runs. The admin API, which calls any function, always requires
/// the master key: a machine may have several users. <c>--no-admin-key</c> (<c>Durable__NoAdminKey=true</c>) opens it as <c>func start</c>
/// does.
/// </summary>
internal sealed class KeyGate(HostKeys keys, IConfiguration configuration, IServer server)
{
    private bool? required;

    /// <summary>Whether keys are required. Known once the server listens; before that, true.</summary>
    public bool KeysRequired => this.required ?? Decide();

    /// <summary>The status that refuses a call of an HTTP function; null allows it.</summary>
    public int? RefuseFunction(HttpRequest request, string function, AuthorizationLevel level)
    {
        if (!KeysRequired)
            return IsForeign(request) ? StatusCodes.Status403Forbidden : null;
        KeyRank needed = level switch
        {
            AuthorizationLevel.Anonymous => KeyRank.None,
            AuthorizationLevel.User or AuthorizationLevel.Function => KeyRank.Function,
            AuthorizationLevel.System => KeyRank.System,
            _ => KeyRank.Master,
        };
        if (needed == KeyRank.None)
            return null;
        KeyRank rank = keys.Rank(HostKeys.Presented(request), function);
        bool passes = rank == KeyRank.Master || rank == needed;
        return passes ? null : StatusCodes.Status401Unauthorized;
    }

    /// <summary>The status that refuses a call of the durable webhooks: without system or master key 401 (no key, unknown key) or 403
    /// (function key).</summary>
    public int? RefuseWebhook(HttpRequest request) => Refuse(request, KeyRank.System, KeysRequired);

    /// <summary>Allows a call of the admin API with the master key; otherwise answers 401 or 403 likewise.</summary>
    /// <returns>False when the response is complete.</returns>
    public bool AllowAdmin(HttpContext context)
    {
        if (Refuse(context.Request, KeyRank.Master, KeysRequired || !configuration.GetValue("Durable:NoAdminKey", false)) is not { } status)
            return true;
        context.Response.StatusCode = status;
        if (status == StatusCodes.Status401Unauthorized)
            context.Response.Headers.WWWAuthenticate = "Bearer";
        return false;
    }

    private int? Refuse(HttpRequest request, KeyRank needed, bool withKey)
    {
        if (!KeysRequired && IsForeign(request))
            return StatusCodes.Status403Forbidden;
        if (!withKey)
            return null;
        KeyRank rank = keys.Rank(HostKeys.Presented(request));
        return rank >= needed ? null
            : rank == KeyRank.None ? StatusCodes.Status401Unauthorized
            : StatusCodes.Status403Forbidden;
    }

    private bool Decide()
    {
        if (configuration.GetValue("Durable:RequireKeys", false))
            return (this.required = true).Value;
        ICollection<string> addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        if (addresses.Count == 0)
            return true; // not listening yet
        return (this.required = !addresses.All(IsLoopback)).Value;
    }

    private static bool IsLoopback(string address) =>
        address.StartsWith("http://unix:", StringComparison.Ordinal)
        || (Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && IsLocalName(uri.Host));

    // The whole origin counts, port included: another port of this machine may belong to somebody else.
    private static bool IsForeign(HttpRequest request)
    {
        if (!IsLocalName(request.Host.Host))
            return true;
        string? origin = request.Headers.Origin;
        return !string.IsNullOrEmpty(origin)
            && !origin.Equals($"{request.Scheme}://{request.Host.Value}", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether a name or address always means the machine it is used on.</summary>
    public static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? ip) && IPAddress.IsLoopback(ip));
}
