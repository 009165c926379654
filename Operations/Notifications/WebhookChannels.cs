using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Durable.Operations.Notifications;

/// <summary>A Slack-compatible webhook: <c>{"text": …}</c>.</summary>
internal sealed class SlackChannel(HttpClient http, Uri address) : INotificationChannel
{
    public string Name => "slack";

    public string Host => address.Host;

    public Task SendAsync(Notification message, CancellationToken cancellationToken) =>
        WebhookCall.PostAsync(
            http,
            address,
            JsonSerializer.Serialize(new { text = $"*{Escape(message.Subject)}*\n{Escape(message.Body)}" }),
            [],
            cancellationToken
        );

    // Slack's three control characters: a message with <!channel> must not alert everybody.
    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);
}

/// <summary>
/// Any webhook: <c>{"id", "event", "subject", "body", "createdUtc"}</c> with <c>X-Durable-Timestamp</c> (seconds since 1970) and
/// <c>X-Durable-Signature: sha256=</c> + hex of HMAC-SHA256 under the secret over timestamp, full stop and body. Receivers should refuse
/// old timestamps.
/// </summary>
internal sealed class HookChannel(HttpClient http, Uri address, string secret, TimeProvider clock) : INotificationChannel
{
    public string Name => "webhook";

    public string Host => address.Host;

    public Task SendAsync(Notification message, CancellationToken cancellationToken)
    {
        string body = JsonSerializer.Serialize(message, JsonSerializerOptions.Web),
            time = clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return WebhookCall.PostAsync(
            http,
            address,
            body,
            [("X-Durable-Event", message.Event), ("X-Durable-Timestamp", time), ("X-Durable-Signature", Sign(secret, time, body))],
            cancellationToken
        );
    }

    internal static string Sign(string secret, string timestamp, string body) =>
        "sha256="
        + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{timestamp}.{body}")));
}

internal static class WebhookCall
{
    public static async Task PostAsync(
        HttpClient http,
        Uri address,
        string json,
        IEnumerable<(string Name, string Value)> headers,
        CancellationToken cancellationToken
    )
    {
        using HttpRequestMessage request = new(HttpMethod.Post, address)
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        foreach ((string name, string value) in headers)
            request.Headers.Add(name, value);
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw new DeliveryFailedException($"HTTP {(int)response.StatusCode}");
        }
        catch (HttpRequestException error)
        {
            throw new DeliveryFailedException(error.Message);
        }
    }
}
