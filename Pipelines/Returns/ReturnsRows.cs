using System.Globalization;
using System.Text.Json;

namespace Durable.Pipelines.Returns;

/// <summary>Shape of a row of the training set.</summary>
public static class ReturnsShape
{
    /// <summary>Numbers of one text's embedding, and of both.</summary>
    public const int Half = 256,
        Features = 512;

    /// <summary>Largest distance of a half's length from 1.</summary>
    public const double NormTolerance = 1e-3;

    /// <summary>From the time an embedding describes to the time its return is known.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMinutes(10);

    /// <summary>The six strategies' returns in per cent, in the order of the model's outputs.</summary>
    public static readonly IReadOnlyList<string> Targets =
    [
        "trend_return_pct",
        "mean_revert_return_pct",
        "breakout_return_pct",
        "scalper_return_pct",
        "long_hold_return_pct",
        "short_hold_return_pct",
    ];
}

/// <summary>Two concatenated text embeddings that describe the market up to a time.</summary>
/// <param name="Values">512 numbers; each half has length 1.</param>
public sealed record Embedding(DateTime BaseTs, float[] Values);

/// <summary>The strategies' returns in the ten minutes up to <paramref name="Ts"/>, in per cent.</summary>
public sealed record Outcome(DateTime Ts, double[] Targets);

/// <summary>An embedding with the returns after it.</summary>
public sealed record TrainingRow(DateTime BaseTs, float[] Features, double[] Targets)
{
    public DateTime Ts => BaseTs + ReturnsShape.Ahead;
}

/// <summary>A rejected source row.</summary>
/// <param name="Key">Its time as the source wrote it.</param>
/// <param name="Reason"><c>bad_time</c>, <c>not_256</c>, <c>not_finite</c>, <c>not_unit</c>, <c>target_missing</c> or
/// <c>duplicate</c>.</param>
public sealed record Reject(string Key, string Reason);

/// <summary>Reads source rows, JSON objects as PostgreSQL prints them, and returns the reason for a bad one.</summary>
public static class ReturnsRows
{
    public static (Embedding? Row, Reject? Reject) ReadEmbedding(JsonElement row)
    {
        string key = Text(row, "base_ts");
        if (!TryTime(key, out DateTime time))
            return (null, new Reject(Shown(key), "bad_time"));
        float[] values = new float[ReturnsShape.Features];
        string? wrong =
            ReadHalf(row, "embedding_a", values.AsSpan(0, ReturnsShape.Half))
            ?? ReadHalf(row, "embedding_b", values.AsSpan(ReturnsShape.Half));
        return wrong is null ? (new Embedding(time, values), null) : (null, new Reject(key, wrong));
    }

    public static (Outcome? Row, Reject? Reject) ReadOutcome(JsonElement row)
    {
        string key = Text(row, "ts");
        if (!TryTime(key, out DateTime time))
            return (null, new Reject(Shown(key), "bad_time"));
        double[] targets = new double[ReturnsShape.Targets.Count];
        for (int i = 0; i < targets.Length; i++)
        {
            if (!row.TryGetProperty(ReturnsShape.Targets[i], out JsonElement value) || value.ValueKind == JsonValueKind.Null)
                return (null, new Reject(key, "target_missing"));
            if (!TryNumber(value, out targets[i]) || !double.IsFinite(targets[i]))
                return (null, new Reject(key, "not_finite"));
        }

        return (new Outcome(time, targets), null);
    }

    /// <summary>Reads an embedding given as an array or as text: <c>[…]</c>, or <c>{…}</c> as PostgreSQL prints arrays.</summary>
    /// <returns>The reject's reason; null when the value is valid.</returns>
    public static string? ReadHalf(JsonElement value, Span<float> target)
    {
        if (value.ValueKind == JsonValueKind.String)
            return ReadText(value.GetString().AsSpan().Trim(), target);
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != target.Length)
            return "not_256";
        int at = 0;
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (!TryNumber(item, out double number) || !float.IsFinite((float)number))
                return "not_finite";
            target[at++] = (float)number;
        }

        return UnitOrNot(target);
    }

    /// <summary>A time; without a zone it is UTC.</summary>
    public static bool TryTime(string? text, out DateTime utc) =>
        DateTime.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal | DateTimeStyles.NoCurrentDateDefault,
            out utc
        )
        && utc.Year >= 2000;

    private static string? ReadHalf(JsonElement row, string name, Span<float> target) =>
        row.TryGetProperty(name, out JsonElement value) ? ReadHalf(value, target) : "not_256";

    private static string? ReadText(ReadOnlySpan<char> text, Span<float> target)
    {
        if (text.Length < 2 || !(text is ['[', .., ']'] or ['{', .., '}']))
            return "not_256";
        text = text[1..^1];
        int at = 0;
        foreach (Range range in text.Split(','))
        {
            if (at == target.Length)
                return "not_256";
            if (
                !float.TryParse(text[range].Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out float number)
                || !float.IsFinite(number)
            )
                return "not_finite";
            target[at++] = number;
        }

        return at == target.Length ? UnitOrNot(target) : "not_256";
    }

    private static string? UnitOrNot(ReadOnlySpan<float> half)
    {
        double square = 0;
        foreach (float value in half)
            square += (double)value * value;
        return Math.Abs(Math.Sqrt(square) - 1) <= ReturnsShape.NormTolerance ? null : "not_unit";
    }

    // PostgreSQL prints NaN and Infinity, which JSON lacks, as text.
    private static bool TryNumber(JsonElement value, out double number)
    {
        number = double.NaN;
        return value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out number),
            JsonValueKind.String => double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number),
            _ => false,
        };
    }

    private static string Text(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";

    private static string Shown(string text) => text.Length <= 80 ? text : text[..80];
}
