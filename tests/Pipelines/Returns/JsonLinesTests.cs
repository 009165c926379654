using System.Globalization;
using System.Text;
using System.Text.Json;
using Durable.Pipelines.Returns;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>Batches of predictions as JSON Lines.</summary>
public sealed class JsonLinesTests
{
    [TorchFact]
    public async Task Each_line_is_answered_and_a_bad_one_says_why()
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        using ReturnsModel model = ReturnsModel.Load(sample.Onnx);
        string[] lines =
        [
            Line(sample.Rows[0], "2025-12-23T08:00:00Z"),
            "",
            "{",
            "[]",
            """{"embedding_a": [1, 2]}""",
            Line(sample.Rows[1], "not a time"),
            "   ",
            Line(sample.Rows[2], null).Replace("embedding_b", "embedding_c", StringComparison.Ordinal),
            "{\"embedding_a\": \"" + new string('x', 70_000) + "\"}",
            Line(sample.Rows[3], null),
        ];
        (string text, long predicted, long bad) = await PredictAsync(model, string.Join('\n', lines));
        JsonElement[] answers =
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line)),
        ];
        Assert.Equal((3, 5), (predicted, bad));
        Assert.Equal([1, 3, 4, 5, 6, 8, 9, 10], answers.Select(answer => answer.GetProperty("line").GetInt32()));
        Assert.Equal("2025-12-23T08:10:00Z", answers[0].GetProperty("target_ts").GetString());
        Assert.Equal(
            model.Predict(sample.Rows[0].Features),
            ReturnsShape.Targets.Select(target => answers[0].GetProperty("pred").GetProperty(target).GetSingle())
        );
        Assert.Equal(
            ["not a JSON object", "not a JSON object", "embedding_a: 256 numbers are needed"],
            answers[1..4].Select(answer => answer.GetProperty("error").GetString())
        );
        Assert.False(answers[4].TryGetProperty("target_ts", out _)); // no time that can be read: predicted all the same
        Assert.Equal("embedding_b is missing", answers[5].GetProperty("error").GetString());
        Assert.Equal("longer than 65536 bytes", answers[6].GetProperty("error").GetString());
        Assert.Equal(
            model.Predict(sample.Rows[3].Features),
            ReturnsShape.Targets.Select(target => answers[7].GetProperty("pred").GetProperty(target).GetSingle())
        );
    }

    [TorchFact]
    public async Task Memory_does_not_grow_with_the_number_of_lines()
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        using ReturnsModel model = ReturnsModel.Load(sample.Onnx);
        Repeated input = new(Encoding.UTF8.GetBytes(Line(sample.Rows[0], null) + "\n"), 6000);
        Watched output = new(input);
        (long predicted, long bad) = await JsonLines.PredictAsync(input, output, model);
        Assert.Equal((6000, 0), (predicted, bad));
        Assert.True(output.MostAhead < 6 << 20, $"{output.MostAhead} bytes were read before anything was answered"); // of 30 MB
    }

    private static async Task<(string Text, long Predicted, long Bad)> PredictAsync(ReturnsModel model, string text)
    {
        using MemoryStream input = new(Encoding.UTF8.GetBytes(text)),
            output = new();
        (long predicted, long bad) = await JsonLines.PredictAsync(input, output, model);
        return (Encoding.UTF8.GetString(output.ToArray()), predicted, bad);
    }

    internal static string Line(TrainingRow row, string? time)
    {
        string Half(int from) =>
            string.Join(',', row.Features.Skip(from).Take(256).Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
        return $$"""{{{(time is null ? "" : $"\"base_ts\": \"{time}\", ")}}"embedding_a": [{{Half(0)}}], "embedding_b": [{{Half(256)}}]}""";
    }

    /// <summary>The same line many times over, made as it is read.</summary>
    private sealed class Repeated(byte[] line, int times) : Stream
    {
        private long at;

        public long Given => at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => at;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int from = (int)(at % line.Length),
                given = (int)Math.Min(Math.Min(count, line.Length - from), ((long)line.Length * times) - at);
            Array.Copy(line, from, buffer, offset, given);
            at += given;
            return given;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    /// <summary>Notes how much more was read than at the last answer.</summary>
    private sealed class Watched(Repeated input) : MemoryStream
    {
        private long last;

        public long MostAhead { get; private set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            MostAhead = Math.Max(MostAhead, input.Given - last);
            last = input.Given;
            return ValueTask.CompletedTask;
        }
    }
}
