using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Durable.Tests.Host.Abstractions;

/// <summary>Writes members the way the official listings do.</summary>
internal static class Signature
{
    private static readonly Dictionary<Type, string> Short = new()
    {
        [typeof(string)] = "string", [typeof(int)] = "int", [typeof(long)] = "long", [typeof(bool)] = "bool", [typeof(object)] = "object",
        [typeof(double)] = "double", [typeof(byte)] = "byte", [typeof(void)] = "void",
    };

    public static string Of(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"{Access(constructor)} {Name(constructor.DeclaringType!)}({Parameters(constructor.GetParameters())})",
        MethodInfo method => $"{Access(method)} {Kind(method)}{TypeName(method.ReturnType)} {method.Name}{Generic(method)}({Extension(method)}{Parameters(method.GetParameters())})",
        PropertyInfo property => Property(property),
        FieldInfo { IsLiteral: true } constant => $"public const {TypeName(constant.FieldType)} {constant.Name} = {constant.GetRawConstantValue()}",
        FieldInfo field => $"{(field.IsPublic ? "public" : "protected")} {(field.IsStatic ? "static " : string.Empty)}{TypeName(field.FieldType)} {field.Name}",
        _ => member.ToString()!,
    };

    public static string OfDelegate(Type type)
    {
        MethodInfo invoke = type.GetMethod("Invoke")!;
        return $"delegate {TypeName(invoke.ReturnType)} {Name(type)}({Parameters(invoke.GetParameters())});";
    }

    public static string TypeName(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return TypeName(underlying) + "?";
        }

        if (Short.TryGetValue(type, out string? name))
        {
            return name;
        }

        if (type.IsByRef)
        {
            return "out " + TypeName(type.GetElementType()!);
        }

        return type.IsArray ? TypeName(type.GetElementType()!) + "[]"
            : type.IsGenericType ? $"{Name(type)}<{string.Join(", ", type.GetGenericArguments().Select(TypeName))}>"
            : type.Name;
    }

    public static string Name(Type type) => type.Name.Split('`')[0];

    private static string Property(PropertyInfo property)
    {
        MethodInfo shown = property.GetMethod is { IsPrivate: false, IsAssembly: false } get ? get : property.SetMethod!;
        List<string> accessors = [];
        if (property.GetMethod is { } getter && Visible(getter))
        {
            accessors.Add(Prefix(getter, shown) + "get;");
        }

        if (property.SetMethod is { } setter && Visible(setter))
        {
            bool init = setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));
            accessors.Add(Prefix(setter, shown) + (init ? "init;" : "set;"));
        }

        return $"{Access(shown)} {Kind(shown)}{TypeName(property.PropertyType)} {property.Name} {{ {string.Join(' ', accessors)} }}";
    }

    private static string Prefix(MethodInfo accessor, MethodInfo shown) => Access(accessor) == Access(shown) ? string.Empty : Access(accessor) + " ";

    private static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Access(MethodBase method) => method.IsPublic ? "public" : "protected";

    private static string Kind(MethodInfo method) => method switch
    {
        { IsStatic: true } => "static ",
        _ when method.DeclaringType!.IsInterface => string.Empty,
        { IsAbstract: true } => "abstract ",
        { IsVirtual: true } when method.GetBaseDefinition() != method => "override ",
        { IsVirtual: true, IsFinal: false } => "virtual ",
        _ => string.Empty,
    };

    private static string Generic(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : string.Empty;

    private static string Extension(MethodInfo method) => method.IsDefined(typeof(ExtensionAttribute)) ? "this " : string.Empty;

    private static string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(p => $"{TypeName(p.ParameterType)} {p.Name}{Default(p)}"));

    private static string Default(ParameterInfo parameter)
    {
        if (!parameter.HasDefaultValue)
        {
            return string.Empty;
        }

        object? value = parameter.DefaultValue;
        return " = " + value switch
        {
            null => parameter.ParameterType.IsValueType && Nullable.GetUnderlyingType(parameter.ParameterType) is null ? "default" : "null",
            bool truth => truth ? "true" : "false",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };
    }
}
