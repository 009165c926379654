using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Durable.Tests.Host.OfficialApi;

/// <summary>
/// Writes types and members the way the listings in <c>Data/official</c> do. Not written, because the listings leave it out: nullable annotations, attributes,
/// constraints, <c>params</c>, operators, overrides of <see cref="object"/>'s methods, <c>IEquatable</c>, and what the compiler adds to a record.
/// </summary>
internal static class ApiText
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool", [typeof(int)] = "int",
        [typeof(long)] = "long", [typeof(double)] = "double", [typeof(byte)] = "byte",
    };

    public static string FullName(Type type) => $"{type.Namespace}.{Name(type)}";

    /// <summary>The line of the type, its bases sorted: the listings keep the order of metadata, which says nothing.</summary>
    public static string Header(Type type) => SortBases(
        IsDelegate(type) ? $"delegate {Signature(type.GetMethod("Invoke")!, Name(type))};"
        : type.IsEnum ? $"enum {Name(type)}"
        : $"{Kind(type)} {Name(type)}{Bases(type)}");

    public static string SortBases(string header)
    {
        int colon = header.IndexOf(" : ", StringComparison.Ordinal);
        return colon < 0 ? header : $"{header[..colon]} : {string.Join(", ", SplitOutsideBrackets(header[(colon + 3)..]).Order(StringComparer.Ordinal))}";
    }

    /// <summary>The lines of the members a user of the type can reach: public and protected ones that the type itself declares.</summary>
    public static IEnumerable<string> Members(Type type)
    {
        if (IsDelegate(type)) return [];
        if (type.IsEnum) return [string.Join(", ", Enum.GetNames(type).Select(n => (Name: n, Value: Convert.ToInt32(Enum.Parse(type, n), CultureInfo.InvariantCulture))).Select(e => $"{e.Name}={e.Value}"))];
        return type.GetConstructors(Declared).Where(IsReachable).Select(c => $"{Access(c)} {SimpleName(type)}({Parameters(c)})")
            .Concat(type.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily).Select(Field))
            .Concat(type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(IsReachable) && p.Name != "EqualityContract").Select(Property))
            .Concat(type.GetEvents(Declared).Select(e => $"event {Name(e.EventHandlerType!)} {e.Name}"))
            .Concat(type.GetMethods(Declared).Where(IsListedMethod).Select(m => $"{Modifiers(m)}{Signature(m, m.Name)}"));
    }

    private static bool IsListedMethod(MethodInfo method) =>
        IsReachable(method) && !method.IsSpecialName && !method.Name.Contains('<', StringComparison.Ordinal) && method.GetBaseDefinition().DeclaringType != typeof(object)
        && !(method.Name == "Equals" && method.GetParameters() is [{ } other] && other.ParameterType.IsAssignableTo(method.DeclaringType))
        && !(IsRecord(method.DeclaringType!) && method.Name is "PrintMembers" or "Deconstruct" or "Equals" or "ToString" or "GetHashCode");

    private static string Property(PropertyInfo property)
    {
        MethodInfo first = property.GetAccessors(true).First(IsReachable);
        IEnumerable<string> accessors = new[] { (Method: property.GetMethod, Word: "get"), (Method: property.SetMethod, Word: IsInit(property) ? "init" : "set") }
            .Where(a => a.Method is not null && IsReachable(a.Method)).Select(a => $"{(a.Method!.IsFamily && a.Word != "get" ? "protected " : "")}{a.Word};");
        return $"{Modifiers(first)}{Name(property.PropertyType)} {property.Name} {{ {string.Join(' ', accessors)} }}";
    }

    private static bool IsInit(PropertyInfo property) =>
        property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;

    private static string Field(FieldInfo field) => field.IsLiteral
        ? $"{Access(field)} const {Name(field.FieldType)} {field.Name} = {Value(field.GetRawConstantValue())}"
        : $"{Access(field)} {(field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}";

    private static string Signature(MethodInfo method, string name)
    {
        string generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";
        string extended = method.IsDefined(typeof(ExtensionAttribute), false) ? "this " : "";
        return $"{Name(method.ReturnType)} {name}{generic}({extended}{Parameters(method)})";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        Type type = parameter.ParameterType;
        string passed = type.IsByRef ? parameter.IsOut ? "out " : "ref " : "";
        string defaultValue = !parameter.HasDefaultValue ? ""
            : parameter.DefaultValue is { } value ? $" = {Value(value)}"
            : type.IsValueType && !type.IsGenericParameter && Nullable.GetUnderlyingType(type) is null ? " = default" : " = null";
        return $"{passed}{Name(type.IsByRef ? type.GetElementType()! : type)} {parameter.Name}{defaultValue}";
    }

    private static string Value(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Modifiers(MethodInfo method)
    {
        string access = Access(method);
        if (method.IsStatic) return $"{access} static ";
        if (method.DeclaringType!.IsInterface || !method.IsVirtual || method.IsFinal) return $"{access} ";
        bool overrides = method.GetBaseDefinition() != method;
        return $"{access} {(overrides ? "override" : method.IsAbstract ? "abstract" : "virtual")} ";
    }

    private static bool IsReachable(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Access(MethodBase method) => method.IsPublic ? "public" : "protected";

    private static string Access(FieldInfo field) => field.IsPublic ? "public" : "protected";

    private static string Kind(Type type)
    {
        if (type.IsInterface) return "interface";
        if (type.IsValueType) return "struct";
        string kind = IsRecord(type) ? "record" : "class";
        return type is { IsAbstract: true, IsSealed: true } ? $"static {kind}" : type.IsAbstract ? $"abstract {kind}" : type.IsSealed ? $"sealed {kind}" : kind;
    }

    private static string Bases(Type type)
    {
        Type? parent = type.BaseType == typeof(object) || type.BaseType == typeof(ValueType) ? null : type.BaseType;
        IEnumerable<Type> interfaces = type.GetInterfaces().Except(parent?.GetInterfaces() ?? [])
            .Where(i => !(i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEquatable<>)));
        string[] names = [.. (parent is null ? [] : new[] { parent }).Concat(interfaces).Select(Name)];
        return names.Length == 0 ? "" : $" : {string.Join(", ", names)}";
    }

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out string? keyword)) return keyword;
        if (type.IsArray) return $"{Name(type.GetElementType()!)}[]";
        if (Nullable.GetUnderlyingType(type) is { } inner) return $"{Name(inner)}?";
        return type.IsGenericType ? $"{SimpleName(type)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : type.Name;
    }

    private static string SimpleName(Type type) => type.IsGenericType ? type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)] : type.Name;

    private static bool IsDelegate(Type type) => type.IsSubclassOf(typeof(Delegate));

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$", Declared) is not null;

    private static IEnumerable<string> SplitOutsideBrackets(string list)
    {
        int depth = 0, start = 0;
        for (int i = 0; i < list.Length; i++)
        {
            depth += list[i] == '<' ? 1 : list[i] == '>' ? -1 : 0;
            if (depth != 0 || list[i] != ',') continue;
            yield return list[start..i].Trim();
            start = i + 1;
        }

        yield return list[start..].Trim();
    }
}
