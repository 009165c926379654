using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Durable.Pipelines.Returns;

/// <summary>Predicts JSON Lines: one answer per line, with an error for a bad line. Keeps only a few hundred rows in memory.</summary>
public static class JsonLines
{
    private const int Batch = 256,
        LongestLine = 64 << 10;
    private static readonly JsonWriterOptions Plain = new() { SkipValidation = true };

    /// <param name="input">Lines with <c>embedding_a</c>, <c>embedding_b</c> and, if wanted, <c>base_ts</c>. Empty lines are
    /// skipped.</param>
    /// <param name="output">Lines with <c>line</c> and either <c>pred</c> (per cent by target) or <c>error</c>.</param>
    /// <returns>Rows predicted and lines refused.</returns>
    public static async Task<(long Predicted, long Bad)> PredictAsync(
        Stream input,
        Stream output,
        ReturnsModel model,
        CancellationToken cancellationToken = default
    )
    {
        PipeReader reader = PipeReader.Create(input, new StreamPipeReaderOptions(bufferSize: 1 << 16, leaveOpen: true));
        Pending pending = new(model);
        long line = 0;
        bool skipping = false; // skips the rest of a line that is too long
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> buffer = read.Buffer;
            while (Take(ref buffer, read.IsCompleted, out ReadOnlySequence<byte> text))
            {
                if (skipping)
                {
                    skipping = false;
                    continue;
                }

                line++;
                pending.Add(line, text);
                if (pending.IsFull)
                    await pending.WriteAsync(output, cancellationToken);
            }

            if (buffer.Length > LongestLine)
            {
                if (!skipping)
                    pending.Refuse(++line, $"longer than {LongestLine} bytes");
                skipping = true;
                buffer = buffer.Slice(buffer.End);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                break;
        }

        await pending.WriteAsync(output, cancellationToken);
        await reader.CompleteAsync();
        return (pending.Predicted, pending.Bad);
    }

    /// <summary>Reads one row.</summary>
    /// <returns>The error; null when there is none.</returns>
    internal static string? Read(JsonElement row, Span<float> features, out DateTime? baseTs, out bool hasTime)
    {
        (baseTs, hasTime) = (null, false);
        if (row.ValueKind != JsonValueKind.Object)
            return "not a JSON object";
        if (row.TryGetProperty("base_ts", out JsonElement time) && time.ValueKind != JsonValueKind.Null)
        {
            hasTime = true;
            if (TryTime(time, out DateTime utc))
                baseTs = utc;
        }

        foreach ((string name, int at) in (ReadOnlySpan<(string, int)>)[("embedding_a", 0), ("embedding_b", ReturnsShape.Half)])
        {
            if (!row.TryGetProperty(name, out JsonElement half))
                return $"{name} is missing";
            if (ReturnsRows.ReadHalf(half, features.Slice(at, ReturnsShape.Half)) is { } wrong)
                return $"{name}: {Explain(wrong)}";
        }

        return null;
    }

    /// <summary>Whether it is a time.</summary>
    internal static bool TryTime(JsonElement value, out DateTime utc)
    {
        try
        {
            return ReturnsRows.TryTime(value.ToString(), out utc);
        }
        catch (InvalidOperationException)
        {
            utc = default; // an unpaired surrogate, written as an escape, is not valid text
            return false;
        }
    }

    internal static string Explain(string reason) =>
        reason switch
        {
            "not_256" => $"{ReturnsShape.Half} numbers are needed",
            "not_finite" => "every number must be finite",
            "not_unit" => "its length must be 1",
            _ => reason,
        };

    private static bool Take(ref ReadOnlySequence<byte> buffer, bool isLast, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return true;
        }

        line = buffer;
        if (!isLast || buffer.IsEmpty)
            return false;
        buffer = buffer.Slice(buffer.End);
        return true;
    }

    /// <summary>Lines read but not yet answered.</summary>
    private sealed class Pending(ReturnsModel model)
    {
        private readonly float[] features = new float[Batch * ReturnsShape.Features],
            predicted = new float[Batch * ReturnsModel.Targets];
        private readonly List<(long Line, DateTime? BaseTs, string? Error)> lines = new(Batch);
        private readonly ArrayBufferWriter<byte> text = new(1 << 16);
        private int rows;

        public long Predicted { get; private set; }

        public long Bad { get; private set; }

        public bool IsFull => lines.Count >= Batch;

        public void Add(long line, ReadOnlySequence<byte> json)
        {
            if (IsBlank(json))
                return;
            if (json.Length > LongestLine)
            {
                Refuse(line, $"longer than {LongestLine} bytes");
                return;
            }

            try
            {
                using JsonDocument document = JsonDocument.Parse(json);
                string? wrong = Read(
                    document.RootElement,
                    features.AsSpan(rows * ReturnsShape.Features, ReturnsShape.Features),
                    out DateTime? baseTs,
                    out _
                );
                if (wrong is null)
                    rows++;
                lines.Add((line, baseTs, wrong));
            }
            catch (JsonException)
            {
                Refuse(line, "not a JSON object");
            }
        }

        public void Refuse(long line, string reason) => lines.Add((line, null, reason));

        public async Task WriteAsync(Stream output, CancellationToken cancellationToken)
        {
            if (rows > 0)
                model.Predict(features.AsMemory(0, rows * ReturnsShape.Features), predicted.AsMemory(0, rows * ReturnsModel.Targets));
            int row = 0;
            using (Utf8JsonWriter json = new(text, Plain))
            {
                foreach ((long line, DateTime? baseTs, string? error) in lines)
                {
                    json.WriteStartObject();
                    json.WriteNumber("line", line);
                    if (error is not null)
                        json.WriteString("error", error);
                    else
                        WritePrediction(json, baseTs, predicted.AsSpan(row++ * ReturnsModel.Targets, ReturnsModel.Targets));
                    json.WriteEndObject();
                    json.Flush();
                    json.Reset();
                    text.Write("\n"u8);
                }
            }

            await output.WriteAsync(text.WrittenMemory, cancellationToken);
            Predicted += rows;
            Bad += lines.Count - rows;
            text.ResetWrittenCount();
            lines.Clear();
            rows = 0;
        }

        private static void WritePrediction(Utf8JsonWriter json, DateTime? baseTs, ReadOnlySpan<float> values)
        {
            if (baseTs is { } time)
            {
                json.WriteString("base_ts", time);
                json.WriteString("target_ts", time + ReturnsShape.Ahead);
            }

            json.WriteStartObject("pred");
            for (int i = 0; i < values.Length; i++)
                json.WriteNumber(ReturnsShape.Targets[i], values[i]);
            json.WriteEndObject();
        }

        private static bool IsBlank(ReadOnlySequence<byte> text)
        {
            foreach (ReadOnlyMemory<byte> part in text)
                if (part.Span.IndexOfAnyExcept(" \t\r"u8) >= 0)
                    return false;
            return true;
        }
    }
}
