using Microsoft.AspNetCore.Http;

namespace Durable.Host.Http;

/// <summary>Who may use the durable webhooks, and which key their links carry.</summary>
internal interface IWebhookAuthorization
{
    /// <summary>Whether keys are required.</summary>
    bool KeysRequired { get; }

    /// <summary>The key that opens every webhook; it is the <c>code</c> of links that are not scoped to an instance. Null: links carry
    /// none.</summary>
    string? SystemKey { get; }

    /// <summary>Checks a request's key; writes no response.</summary>
    WebhookAccess Check(HttpContext http);
}

/// <summary>What a request's key opens.</summary>
internal enum WebhookAccess
{
    /// <summary>Everything.</summary>
    Allowed,

    /// <summary>Nothing: no key, or an unknown one (401). It may still be an instance's link key.</summary>
    Unknown,

    /// <summary>A key or page without access (403).</summary>
    Forbidden,
}

/// <summary>The host's own keys: system or master key.</summary>
internal sealed class KeyedWebhooks(KeyGate gate, HostKeys keys) : IWebhookAuthorization
{
    /// <inheritdoc />
    public bool KeysRequired => gate.KeysRequired;

    /// <inheritdoc />
    public string? SystemKey => keys.DurableSystem;

    /// <inheritdoc />
    public WebhookAccess Check(HttpContext http) =>
        gate.RefuseWebhook(http.Request) switch
        {
            null => WebhookAccess.Allowed,
            StatusCodes.Status401Unauthorized => WebhookAccess.Unknown,
            _ => WebhookAccess.Forbidden,
        };
}
