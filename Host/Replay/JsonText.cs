using System.Text.Encodings.Web;
using System.Text.Json;

namespace Durable.Host.Replay;

/// <summary>JSON options for text the host writes itself.</summary>
internal static class JsonText
{
    /// <summary>Keeps quotes and angle brackets readable; the text is stored or sent as application/json, never in HTML.</summary>
    public static JsonSerializerOptions Relaxed { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
