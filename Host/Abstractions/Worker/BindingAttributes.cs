namespace Microsoft.Azure.Functions.Worker.Extensions.Abstractions
{
    /// <summary>Marks a parameter, property or return value as bound by the host.</summary>
    public abstract class BindingAttribute : Attribute
    {
        /// <summary>A binding.</summary>
        public BindingAttribute()
        {
        }
    }

    /// <summary>An input of a function beside its trigger.</summary>
    public abstract class InputBindingAttribute : BindingAttribute
    {
        /// <summary>An input.</summary>
        public InputBindingAttribute()
        {
        }
    }

    /// <summary>An output of a function.</summary>
    public abstract class OutputBindingAttribute : BindingAttribute
    {
        /// <summary>An output.</summary>
        public OutputBindingAttribute()
        {
        }
    }

    /// <summary>What starts a function; each function has exactly one.</summary>
    public abstract class TriggerBindingAttribute : BindingAttribute
    {
        /// <summary>A trigger.</summary>
        public TriggerBindingAttribute()
        {
        }
    }
}

namespace Microsoft.Azure.Functions.Worker.Converters
{
    /// <summary>Names the converter of a parameter. This host reads only <see cref="Http.FromBodyAttribute"/>.</summary>
    [AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Class | AttributeTargets.Interface | AttributeTargets.Enum | AttributeTargets.Struct)]
    public class InputConverterAttribute(Type converterType) : Attribute
    {
        /// <summary>Type of the converter.</summary>
        public Type ConverterType { get; } = converterType;
    }
}
