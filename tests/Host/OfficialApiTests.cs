using System.Reflection;
using System.Xml.Linq;
using Durable.Host;
using Durable.Tests.Host.OfficialApi;

namespace Durable.Tests.Host;

/// <summary>What the host offers under official names is what the official packages offer: an app that compiles here compiles there.</summary>
public sealed class OfficialApiTests
{
    private static readonly OfficialListing Listing = OfficialListing.Load();
    private static readonly Assembly HostAssembly = typeof(EmbeddedHost).Assembly;

    // Public here, absent from the listings, each for a reason. Keys as the tests print them.
    private static readonly Dictionary<string, string> Exceptions = new()
    {
        ["DurableTask.Core.History.HistoryEvent"] = "of the package Microsoft.Azure.DurableTask.Core, which the listings do not cover; a listed signature names it",
        ["DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException"] = "of the same package; the recorded contract (start-same-id) has it reach callers",
    };

    public static TheoryData<string> PublicTypes => [.. HostAssembly.GetExportedTypes().Select(ApiText.FullName)];

    [Theory]
    [MemberData(nameof(PublicTypes))]
    public void A_public_type_stands_in_the_official_listing_with_the_same_kind_and_bases(string fullName)
    {
        if (Exceptions.ContainsKey(fullName)) return;
        OfficialType? official = Listing.Find(fullName);

        Assert.True(official is not null, $"{fullName} is public but no official package has it: make it internal, or state the reason in {nameof(Exceptions)}.");
        Assert.Equal(ApiText.SortBases(official.Header), ApiText.Header(TypeOf(fullName)));
    }

    [Theory]
    [MemberData(nameof(PublicTypes))]
    public void A_public_or_protected_member_stands_in_the_official_listing_with_the_same_signature(string fullName)
    {
        if (Listing.Find(fullName) is not { } official) return; // reported by the test of types

        string[] foreign = [.. ApiText.Members(TypeOf(fullName)).Where(m => !official.Members.Contains(m) && !Exceptions.ContainsKey($"{fullName}: {m}"))];

        Assert.True(foreign.Length == 0, $"{fullName} declares what the official type does not:\n  {string.Join("\n  ", foreign)}");
    }

    [Fact]
    public void Every_exception_to_the_listing_is_still_needed()
    {
        HashSet<string> needed = [];
        foreach (Type type in HostAssembly.GetExportedTypes())
        {
            string fullName = ApiText.FullName(type);
            if (Listing.Find(fullName) is { } official) needed.UnionWith(ApiText.Members(type).Where(m => !official.Members.Contains(m)).Select(m => $"{fullName}: {m}"));
            else needed.Add(fullName);
        }

        Assert.Empty(Exceptions.Keys.Except(needed));
    }

    [Fact]
    public void Interfaces_have_every_listed_member_so_that_implementations_compile_against_both()
    {
        string[] missing =
        [
            .. from type in HostAssembly.GetExportedTypes()
               where type.IsInterface
               let fullName = ApiText.FullName(type)
               from member in Listing.Find(fullName)?.Members.Except(ApiText.Members(type)) ?? []
               select $"{fullName}: {member}",
        ];

        Assert.Empty(missing);
    }

    [Theory] // an abstract member only one build has breaks either the derived class or its override in the other
    [MemberData(nameof(PublicTypes))]
    public void Abstract_classes_have_every_listed_abstract_member(string fullName)
    {
        if (Listing.Find(fullName) is not { } official) return;

        Assert.Empty(official.Members.Where(m => m.Contains(" abstract ", StringComparison.Ordinal)).Except(ApiText.Members(TypeOf(fullName))));
    }

    [Theory] // the reader and the writer agree: a listing line of each shape, for a type we have
    [InlineData("Microsoft.DurableTask.RetryPolicy", "public RetryPolicy(int maxNumberOfAttempts, TimeSpan firstRetryInterval, double backoffCoefficient = 1, TimeSpan? maxRetryInterval = null, TimeSpan? retryTimeout = null)")]
    [InlineData("Microsoft.DurableTask.AsyncPageable<T>", "public abstract IAsyncEnumerable<Page<T>> AsPages(string continuationToken = null, int? pageSizeHint = null)")]
    [InlineData("Microsoft.DurableTask.TaskOrchestrationContext", "protected abstract ILoggerFactory LoggerFactory { get; }")]
    [InlineData("Microsoft.DurableTask.TaskVersion", "public static TaskVersion Unversioned")]
    [InlineData("Microsoft.DurableTask.Client.OrchestrationQuery", "public const int DefaultPageSize = 100")]
    [InlineData("Microsoft.DurableTask.Client.OrchestrationMetadata", "public OrchestrationRuntimeStatus RuntimeStatus { get; init; }")]
    [InlineData("Microsoft.DurableTask.Converters.JsonDataConverter", "public override object Deserialize(string data, Type targetType)")]
    [InlineData("Microsoft.Azure.Functions.Worker.FunctionContextLoggerExtensions", "public static ILogger<T> GetLogger<T>(this FunctionContext context)")]
    [InlineData("Microsoft.Azure.Functions.Worker.AuthorizationLevel", "Anonymous=0, User=1, Function=2, System=3, Admin=4")]
    public void A_line_of_the_listing_is_written_for_our_member_too(string fullName, string line)
    {
        Assert.Contains(line, Listing.Find(fullName)!.Members);
        Assert.Contains(line, ApiText.Members(TypeOf(fullName)));
    }

    [Theory]
    [InlineData("Microsoft.Azure.Functions.Worker", "2.52.0")]
    [InlineData("Microsoft.Azure.Functions.Worker.Sdk", "2.1.0")]
    [InlineData("Microsoft.Azure.Functions.Worker.Extensions.DurableTask", "1.16.4")]
    [InlineData("Microsoft.Azure.Functions.Worker.Extensions.Timer", "4.3.1")]
    [InlineData("Microsoft.Azure.Functions.Worker.Extensions.Http", "3.3.0")]
    [InlineData("Microsoft.Azure.Functions.Worker.Extensions.Http.AspNetCore", "2.1.1")]
    [InlineData("AWSSDK.EC2", "4.0.*")]
    [InlineData("AWSSDK.SageMaker", "4.0.*")]
    [InlineData("AWSSDK.SimpleSystemsManagement", "4.0.*")]
    [InlineData("AWSSDK.TimestreamWrite", "4.0.*")]
    [InlineData("AWSSDK.Pricing", "4.0.*")]
    public void The_official_build_alone_references_the_package_and_pins_its_version(string package, string version)
    {
        XElement reference = Assert.Single(OfficialItems("Durable.csproj", "PackageReference"), e => Included(e) == package);
        XElement pin = Assert.Single(OfficialItems("Directory.Packages.props", "PackageVersion"), e => Included(e) == package);

        Assert.Null(reference.Attribute("Version"));
        Assert.Equal(version, pin.Attribute("Version")?.Value);
    }

    private static IEnumerable<XElement> OfficialItems(string file, string item) => XDocument.Load(Path.Combine(Repository(), file)).Descendants(item)
        .Where(e => e.Parent!.Attribute("Condition")?.Value == "'$(UseOfficialPackages)' == 'true'");

    private static string? Included(XElement item) => item.Attribute("Include")?.Value;

    private static Type TypeOf(string fullName) => HostAssembly.GetExportedTypes().Single(t => ApiText.FullName(t) == fullName);

    private static string Repository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Durable.sln"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
