using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>Every function of the app, by case-insensitive name. Built once at start; one invalid function stops the start.</summary>
internal sealed class FunctionCatalog
{
    private readonly Dictionary<string, FunctionEntry> byName;

    private FunctionCatalog(Dictionary<string, FunctionEntry> byName)
    {
        this.byName = byName;
        Functions = [.. byName.Values.OrderBy(f => f.Name, StringComparer.Ordinal)];
    }

    /// <summary>All functions, sorted by name.</summary>
    public IReadOnlyList<FunctionEntry> Functions { get; }

    /// <summary>The functions of one kind, sorted by name.</summary>
    public IEnumerable<FunctionEntry> OfKind(FunctionKind kind) => Functions.Where(f => f.Kind == kind);

    /// <summary>Finds a function by name without case.</summary>
    public bool TryFind(string name, [NotNullWhen(true)] out FunctionEntry? function) => this.byName.TryGetValue(name, out function);

    /// <summary>Finds a function of one kind by name without case.</summary>
    public bool TryFind(string name, FunctionKind kind, [NotNullWhen(true)] out FunctionEntry? function) =>
        this.byName.TryGetValue(name, out function) && function.Kind == kind;

    /// <summary>Reads every <c>[Function]</c> method of the assemblies.</summary>
    /// <param name="isDisabled">Whether the setting <c>AzureWebJobs.{name}.Disabled</c> is on; default: none is.</param>
    /// <exception cref="FunctionCatalogException">Some functions cannot be served; the message names all of them.</exception>
    public static FunctionCatalog FromAssemblies(IEnumerable<Assembly> assemblies, Func<string, bool>? isDisabled = null) =>
        FromTypes(assemblies.Distinct().SelectMany(a => a.GetTypes()), isDisabled);

    /// <inheritdoc cref="FromAssemblies"/>
    public static FunctionCatalog FromTypes(IEnumerable<Type> types, Func<string, bool>? isDisabled = null)
    {
        const BindingFlags Own =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        Dictionary<string, FunctionEntry> found = new(StringComparer.OrdinalIgnoreCase);
        List<string> problems = [];
        foreach (MethodInfo method in types.SelectMany(t => t.GetMethods(Own)))
        {
            if (method.GetCustomAttribute<FunctionAttribute>() is not { } attribute)
                continue;
            try
            {
                FunctionEntry entry = FunctionReader.Read(attribute.Name, method, isDisabled?.Invoke(attribute.Name) ?? false);
                if (!found.TryAdd(entry.Name, entry))
                    problems.Add(
                        $"Function '{entry.Name}' is declared twice: {Place(found[entry.Name].Method)} and {Place(method)}. "
                            + "Names differ by more than case."
                    );
            }
            catch (FunctionCatalogException e)
            {
                problems.Add($"Function '{attribute.Name}' ({Place(method)}): {e.Message}");
            }
        }
        problems.AddRange(RouteCollisions([.. found.Values.Where(f => f.Http is not null).OrderBy(f => f.Name, StringComparer.Ordinal)]));
        return problems.Count == 0
            ? new FunctionCatalog(found)
            : throw new FunctionCatalogException(string.Join(Environment.NewLine, problems));
    }

    private static IEnumerable<string> RouteCollisions(IReadOnlyList<FunctionEntry> functions) =>
        from i in Enumerable.Range(0, functions.Count)
        from earlier in functions.Take(i)
        where functions[i].Http!.CollidesWith(earlier.Http!)
        select $"Function '{functions[i].Name}' ({Place(functions[i].Method)}): route '{functions[i].Http!.Route}' has the same route and verb as '{earlier.Name}'.";

    private static string Place(MethodInfo method) => $"{method.DeclaringType!.FullName}.{method.Name}";
}

/// <summary>The app declares a function that no host can serve. The message names the function and the remedy.</summary>
internal sealed class FunctionCatalogException(string message) : InvalidOperationException(message);
