using System.Text;
using Durable.Host.Http;
using Microsoft.AspNetCore.Http;
using Newtonsoft.Json.Linq;

namespace Durable.Host.Management;

/// <summary>The body is larger than the API accepts.</summary>
internal sealed class BodyTooLargeException()
    : Exception(
        $"The request body is larger than {HttpLimits.BodyBytes >> 20} MB. Store the data elsewhere and pass a reference to it: "
            + "the instance's history keeps what is sent here."
    );

/// <summary>The body is not JSON; the message is Newtonsoft's, as recorded.</summary>
internal sealed class InvalidJsonException(string message) : Exception(message);

/// <summary>JSON bodies as the extension reads them.</summary>
internal static class RequestJson
{
    /// <summary>Reads a body as text, UTF-8 unless a byte order mark says otherwise.</summary>
    /// <exception cref="BodyTooLargeException">It is larger than 10 MB.</exception>
    public static async Task<string> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > HttpLimits.BodyBytes)
            throw new BodyTooLargeException();
        using MemoryStream body = new((int)(request.ContentLength ?? 0));
        byte[] chunk = new byte[32 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(chunk, cancellation)) > 0)
        {
            if (body.Length + read > HttpLimits.BodyBytes)
                throw new BodyTooLargeException();
            body.Write(chunk, 0, read);
        }

        body.Position = 0;
        using StreamReader reader = new(body, Encoding.UTF8);
        return await reader.ReadToEndAsync(cancellation);
    }

    /// <summary>
    /// The JSON without white space between its parts. Strict JSON keeps every character of its numbers and strings; what only Newtonsoft
    /// accepts (single quotes, comments, unquoted names) is rewritten as strict JSON, as the extension does.
    /// </summary>
    /// <exception cref="InvalidJsonException">It is not JSON.</exception>
    public static string Compact(string text)
    {
        if (ManagementJson.IsJson(text))
            return WithoutSpace(text);
        try
        {
            using Newtonsoft.Json.JsonTextReader reader = new(new StringReader(text))
            {
                DateParseHandling = Newtonsoft.Json.DateParseHandling.None,
            };
            string json = JToken.Load(reader, new JsonLoadSettings()).ToString(Newtonsoft.Json.Formatting.None);
            while (reader.Read())
            {
                // Only comments may follow; anything else makes the reader throw.
            }

            return ManagementJson.IsJson(json) ? json : throw new InvalidJsonException("NaN, Infinity and undefined are not JSON.");
        }
        catch (Newtonsoft.Json.JsonReaderException e)
        {
            throw new InvalidJsonException(e.Message);
        }
    }

    private static string WithoutSpace(string json)
    {
        StringBuilder compact = new(json.Length);
        bool inString = false;
        for (int i = 0; i < json.Length; i++)
        {
            char c = json[i];
            if (inString && c == '\\')
            {
                compact.Append(c).Append(json[++i]);
                continue;
            }

            if (c == '"')
                inString = !inString;
            if (inString || c is not (' ' or '\t' or '\r' or '\n'))
                compact.Append(c);
        }

        return compact.ToString();
    }
}
