namespace Microsoft.DurableTask
{
    /// <summary>Turns inputs, results and events into text and back.</summary>
    public abstract class DataConverter
    {
        /// <summary>Text of a value; null for null.</summary>
        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(value))]
        public abstract string? Serialize(object? value);

        /// <summary>Value of a text; null for null.</summary>
        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(data))]
        public abstract object? Deserialize(string? data, Type targetType);

        /// <summary>Value of a text; default for null.</summary>
        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(data))]
        public virtual T? Deserialize<T>(string? data) => data is null ? default : (T?)Deserialize(data, typeof(T));
    }
}

namespace Microsoft.DurableTask.Converters
{
    using System.Text.Json;

    /// <summary>JSON by System.Text.Json.</summary>
    public class JsonDataConverter : DataConverter
    {
        // Before Default: static members are initialised in the order written, and Default takes these.
        private static readonly JsonSerializerOptions DefaultOptions = new() { IncludeFields = true };

        private readonly JsonSerializerOptions? options;

        /// <summary>A converter; without options fields are included too.</summary>
        public JsonDataConverter(JsonSerializerOptions? options = null) => this.options = options ?? DefaultOptions;

        /// <summary>The converter with default options.</summary>
        public static JsonDataConverter Default { get; } = new();

        /// <inheritdoc />
        public override string? Serialize(object? value) => value is null ? null : JsonSerializer.Serialize(value, options);

        /// <inheritdoc />
        public override object? Deserialize(string? data, Type targetType) => data is null ? null : JsonSerializer.Deserialize(data, targetType, options);
    }
}
