namespace Durable.Host.Store;

/// <summary>Rules for instance ids and texts from clients.</summary>
internal static class InstanceIds
{
    /// <summary>Longest id in UTF-16 characters. The id is a key, and PostgreSQL's indexes take at most a few thousand bytes.</summary>
    public const int MaxLength = 1024;

    /// <summary>A new id: 32 hexadecimal digits.</summary>
    public static string New() => Guid.NewGuid().ToString("N");

    /// <summary>Checks the id of a client's start.</summary>
    /// <exception cref="ArgumentException">It begins with @ (reserved for entities, as in the official client; the webhooks take it), is
    /// too long or cannot be stored.</exception>
    public static void CheckNew(string instanceId, string parameter)
    {
        if (instanceId.StartsWith('@'))
        {
            throw new ArgumentException(
                "Instance IDs starting with '@' are reserved for entities, and must not be used for orchestrations, "
                    + "when entity support is enabled.",
                parameter
            );
        }

        CheckKept(instanceId, parameter);
    }

    /// <summary>Checks that an id can be stored.</summary>
    /// <exception cref="ArgumentException">It is too long or cannot be stored.</exception>
    public static void CheckKept(string instanceId, string parameter)
    {
        if (instanceId.Length > MaxLength)
            throw new ArgumentException(
                $"Instance IDs must not be longer than {MaxLength:N0} characters; this one has {instanceId.Length:N0}.",
                parameter
            );
        CheckText(instanceId, parameter);
    }

    /// <summary>Checks a text that is stored unchanged: an id, an event's name, a reason.</summary>
    /// <exception cref="ArgumentException">It contains a NUL character or half a surrogate pair, which PostgreSQL cannot store.</exception>
    public static void CheckText(string? text, string parameter)
    {
        if (text is not null && !IsStorable(text))
            throw new ArgumentException("NUL characters and unpaired surrogates cannot be stored.", parameter);
    }

    /// <summary>Whether PostgreSQL can store it as text.</summary>
    public static bool IsStorable(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0')
                return false;
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return false;
            i++;
        }

        return true;
    }
}
