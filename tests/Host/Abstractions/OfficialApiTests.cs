using System.Reflection;
using System.Runtime.CompilerServices;
using Durable.Host.Store;

namespace Durable.Tests.Host.Abstractions;

/// <summary>One source, two hosts: whatever the app can see of the embedded host exists in the official packages, spelled the same.</summary>
public sealed class OfficialApiTests
{
    /// <summary>Types that are public here although the listings leave them out, with the reason.</summary>
    private static readonly Dictionary<string, string> NotListed = new()
    {
        ["DurableTask.Core.History.HistoryEvent"] = "named by DurableTaskClient.GetOrchestrationHistoryAsync; its package is not listed",
        ["Microsoft.DurableTask.Client.OrchestrationAlreadyExistsException"] = "recorded from the official client; its package is not listed",
        ["DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException"] = "recorded from the official client; its package is not listed",
    };

    private static readonly OfficialListing Official = OfficialListing.Read();

    public static IEnumerable<object[]> OurTypes => typeof(HubSettings).Assembly.GetExportedTypes().Where(type => !type.IsNested).Select(type => new object[] { type });

    [Theory, MemberData(nameof(OurTypes))]
    public void A_public_type_is_the_official_one(Type type)
    {
        if (NotListed.ContainsKey(type.FullName!))
        {
            return;
        }

        HashSet<string>? official = Official.MembersOf(KeyOf(type));
        Assert.True(official is not null, $"{type.FullName} is public but not in the official listing: make it internal, or name it as the official type is named.");
        string[] strangers = [.. Members(type).Where(signature => !official.Contains(signature) && !(type.IsAbstract && official.Contains(AsPublic(signature))))];
        Assert.True(strangers.Length == 0, $"{type.FullName} has members the official type lacks:\n  {string.Join("\n  ", strangers)}\nOfficial:\n  {string.Join("\n  ", official.Order(StringComparer.Ordinal))}");
    }

    [Fact]
    public void The_listing_is_read_whole()
    {
        Assert.Contains("public abstract Task<TResult> CallActivityAsync<TResult>(TaskName name, object input = null, TaskOptions options = null)", Official.MembersOf("Microsoft.DurableTask.TaskOrchestrationContext")!);
        Assert.Contains("public Page(IReadOnlyList<T> values, string continuationToken = null)", Official.MembersOf("Microsoft.DurableTask.Page<1")!);
        Assert.Contains("Running=0, Completed=1, ContinuedAsNew=2, Failed=3, Canceled=4, Terminated=5, Pending=6, Suspended=7", Official.MembersOf("Microsoft.DurableTask.Client.OrchestrationRuntimeStatus")!);
        Assert.NotNull(Official.MembersOf("Microsoft.DurableTask.RetryHandler"));
    }

    [Fact]
    public void The_host_exports_something_to_check() => Assert.True(OurTypes.Count() > 60, "Most public types are gone: is this the right assembly?");

    // A constructor of an abstract class is called by derived ones only: public or protected is the same to a user.
    private static string AsPublic(string signature) => signature.Replace("protected ", "public ", StringComparison.Ordinal);

    private static string KeyOf(Type type) => type.IsGenericType
        ? $"{type.Namespace}.{Signature.Name(type)}<{type.GetGenericArguments().Length.ToString(System.Globalization.CultureInfo.InvariantCulture)}"
        : type.FullName!;

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return [string.Join(", ", Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(value => $"{Enum.GetName(type, value)}={value}"))];
        }

        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return [Signature.OfDelegate(type)];
        }

        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        bool isRecord = type.GetMethod("<Clone>$") is not null;
        return type.GetMembers(All).Where(member => Listed(member, isRecord, type)).Select(Signature.Of);
    }

    /// <summary>The listings leave out what every type has, operators, and what the compiler writes for records.</summary>
    private static bool Listed(MemberInfo member, bool isRecord, Type type)
    {
        if (member is MethodBase method)
        {
            bool visible = method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;
            bool ofEveryType = member.Name is "Equals" or "GetHashCode" or "ToString" or "Deconstruct" or "PrintMembers" or "<Clone>$";
            bool abstractConstructor = method is ConstructorInfo && isRecord && method.GetParameters() is [{ ParameterType: var only }] && only == type;
            return visible && !ofEveryType && !abstractConstructor && (!method.IsSpecialName || method is ConstructorInfo) && !member.Name.StartsWith("op_", StringComparison.Ordinal);
        }

        return member switch
        {
            PropertyInfo property => property.Name != "EqualityContract" && property.GetAccessors(nonPublic: true).Any(a => a.IsPublic || a.IsFamily || a.IsFamilyOrAssembly),
            FieldInfo field => (field.IsPublic || field.IsFamily) && !field.IsDefined(typeof(CompilerGeneratedAttribute)),
            _ => false,
        };
    }
}
