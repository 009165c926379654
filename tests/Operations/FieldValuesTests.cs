using Durable.Operations.Fields;

namespace Durable.Tests.Operations;

public sealed class FieldValuesTests
{
    [Theory]
    [InlineData(3, "abcd", "'abcd…' has 4 characters; allowed: at most 3")]
    [InlineData(3, "abc", null)]
    [InlineData(25, "abcdefghijklmnopqrstuvwxyz", "'abcdefghijklmnopqrst…' has 26 characters; allowed: at most 25")]
    public void A_text_that_is_too_long_is_shown_by_its_beginning(int most, string text, string? error)
    {
        FieldValues values = FieldValues.Read([Field.Text("name", "A name.", most)], null, [new("name", text)]);

        Assert.Equal(error is null ? text : null, values.Text("name"));
        Assert.Equal(error, values.Errors.GetValueOrDefault("name"));
    }
}
