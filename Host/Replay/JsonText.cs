using System.Text.Encodings.Web;
using System.Text.Json;

namespace Durable.Host.Replay;

/// <summary>JSON options for text the host writes itself.</summary>
internal static class JsonText
{
    /// <summary>Quotes and angle brackets stay readable; the text is stored or sent as application/json, never put into HTML.</summary>
    public static JsonSerializerOptions Relaxed { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
