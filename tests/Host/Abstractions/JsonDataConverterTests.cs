using System.Text.Json;
using Microsoft.DurableTask.Converters;

namespace Durable.Tests.Host.Abstractions;

public sealed class JsonDataConverterTests
{
    [Fact]
    public void Names_stay_as_they_are_and_fields_are_included()
    {
        string json = JsonDataConverter.Default.Serialize(new Order { Count = 2, Note = "late" })!;

        Assert.Equal("""{"Count":2,"Note":"late"}""", json);
        Order read = JsonDataConverter.Default.Deserialize<Order>(json);
        Assert.Equal((2, "late"), (read.Count, read.Note));
    }

    [Fact]
    public void Tuples_survive_because_their_fields_are_included() =>
        Assert.Equal((7, "x"), JsonDataConverter.Default.Deserialize<(int, string)>(JsonDataConverter.Default.Serialize((7, "x"))));

    [Fact]
    public void Null_is_no_text_and_no_text_is_null()
    {
        Assert.Null(JsonDataConverter.Default.Serialize(null));
        Assert.Null(JsonDataConverter.Default.Deserialize(null, typeof(Order)));
        Assert.Null(JsonDataConverter.Default.Deserialize<Order>(null));
        Assert.Equal(0, JsonDataConverter.Default.Deserialize<int>(null));
    }

    [Fact]
    public void Names_are_read_with_case() => Assert.Equal(0, JsonDataConverter.Default.Deserialize<Order>("""{"count":2}""").Count);

    [Fact]
    public void Options_of_the_caller_take_the_place_of_the_default_ones()
    {
        JsonDataConverter web = new(new JsonSerializerOptions(JsonSerializerDefaults.Web));

        Assert.Equal("""{"count":2}""", web.Serialize(new Order { Count = 2 })); // no fields: the options did not ask for them
    }

    [Fact]
    public void Text_that_does_not_fit_is_a_json_exception() =>
        Assert.Throws<JsonException>(() => JsonDataConverter.Default.Deserialize<Order>("""{"Count":"two"}"""));

    private sealed class Order
    {
        public string? Note;

        public int Count { get; set; }
    }
}
