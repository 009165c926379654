using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>A function as <see cref="FunctionContext.FunctionDefinition"/> shows it.</summary>
internal sealed class HostFunctionDefinition(
    string name,
    MethodInfo method,
    IImmutableDictionary<string, BindingMetadata> inputs,
    IImmutableDictionary<string, BindingMetadata> outputs
) : FunctionDefinition
{
    public override ImmutableArray<FunctionParameter> Parameters { get; } =
    [
        .. method
            .GetParameters()
            .Select(p =>
                p.HasDefaultValue
                    ? new FunctionParameter(p.Name!, p.ParameterType, true, p.DefaultValue)
                    : new FunctionParameter(p.Name!, p.ParameterType)
            ),
    ];

    public override string PathToAssembly { get; } = method.Module.Assembly.Location;

    public override string EntryPoint { get; } = $"{method.DeclaringType!.FullName}.{method.Name}";

    /// <summary>Stable across restarts: the FNV-1a hash of the name without case.</summary>
    public override string Id { get; } =
        name.ToUpperInvariant()
            .Aggregate(2166136261u, (hash, c) => unchecked((hash ^ c) * 16777619u))
            .ToString(CultureInfo.InvariantCulture);

    public override string Name { get; } = name;

    public override IImmutableDictionary<string, BindingMetadata> InputBindings { get; } = inputs;

    public override IImmutableDictionary<string, BindingMetadata> OutputBindings { get; } = outputs;
}

/// <summary>Name, type and direction of a binding as the Functions host spells them.</summary>
internal sealed class HostBindingMetadata(string name, string type, BindingDirection direction) : BindingMetadata
{
    public override string Name { get; } = name;

    public override string Type { get; } = type;

    public override BindingDirection Direction { get; } = direction;
}
