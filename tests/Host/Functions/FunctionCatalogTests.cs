using Durable.Host.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Functions;

public sealed class FunctionCatalogTests
{
    [Fact]
    public void Functions_are_sorted_by_name_and_found_without_case()
    {
        FunctionCatalog catalog = FunctionCatalog.FromTypes([typeof(Good)], name => name == "Nightly");

        Assert.Equal(["Greet", "Nightly", "Say", "Show"], catalog.Functions.Select(f => f.Name));
        Assert.True(catalog.TryFind("GREET", FunctionKind.Orchestrator, out FunctionEntry? greet));
        Assert.Equal("Greet", greet.Name);
        Assert.False(catalog.TryFind("greet", FunctionKind.Activity, out _));
        Assert.Equal("0 0 0 * * *", catalog.OfKind(FunctionKind.Timer).Single().Schedule);
        Assert.Equal(["Nightly"], catalog.Functions.Where(f => f.IsDisabled).Select(f => f.Name));
        Assert.Equal($"{typeof(Good).FullName}.Greet", greet.Definition.EntryPoint);
    }

    [Theory]
    [InlineData(typeof(Twice), "Function 'say' is declared twice", "Names differ by more than case")]
    [InlineData(typeof(NoTrigger), "Function 'Lost'", "no parameter has a trigger attribute")]
    [InlineData(typeof(TwoTriggers), "Function 'Both'", "[ActivityTrigger] a, [TimerTrigger] b")]
    [InlineData(typeof(Injected), "Function 'Unsteady'", "an orchestrator takes no injected services")]
    [InlineData(typeof(ServiceParameter), "Function 'Greedy'", "parameter 'clock' of type TimeProvider cannot be bound")]
    [InlineData(typeof(TwoInputs), "Function 'Two'", "one input")]
    [InlineData(typeof(ContextActivity), "Function 'Old'", "activities get string instanceId and FunctionContext")]
    [InlineData(typeof(ClientInOrchestrator), "Function 'Calls'", "an orchestrator has no client")]
    [InlineData(typeof(AdminRoute), "Function 'Page'", "route 'AdminPages/x' begins with 'admin'")]
    [InlineData(typeof(BadRoute), "Function 'Torn'", "route 'a/{b'")]
    [InlineData(typeof(SameRoute), "Function 'Second'", "the same route and verb as 'First'")]
    [InlineData(typeof(HiddenMethod), "Function 'Hidden'", "must be public")]
    [InlineData(typeof(AsyncVoid), "Function 'Forgotten'", "async void")]
    [InlineData(typeof(BadName), "Function '1st'", "starts with a letter")]
    [InlineData(typeof(AbstractClass), "Function 'Nobody'", "abstract")]
    public void Mistake_stops_the_start_and_names_the_function(Type type, string function, string reason)
    {
        FunctionCatalogException e = Assert.Throws<FunctionCatalogException>(() => FunctionCatalog.FromTypes([type]));

        Assert.Contains(function, e.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_mistakes_are_reported_at_once()
    {
        FunctionCatalogException e = Assert.Throws<FunctionCatalogException>(() =>
            FunctionCatalog.FromTypes([typeof(NoTrigger), typeof(TwoTriggers)])
        );

        Assert.Equal(2, e.Message.Split(Environment.NewLine).Length);
    }

    private static class Good
    {
        [Function("Say")]
        public static string Say([ActivityTrigger] string text, string instanceId, FunctionContext context, CancellationToken token) =>
            text;

        [Function("Greet")]
        public static Task<string> Greet([OrchestrationTrigger] TaskOrchestrationContext context, string[] names) =>
            Task.FromResult(names[0]);

        [Function("Nightly")]
        public static void Nightly([TimerTrigger("0 0 0 * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client) { }

        [Function("Show")]
        public static void Show(
            [HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest request,
            int? top,
            [DurableClient] DurableTaskClient client
        ) => _ = (request, top, client);
    }

    private static class Twice
    {
        [Function("Say")]
        public static void A([ActivityTrigger] string text) { }

        [Function("say")]
        public static void B([ActivityTrigger] string text) { }
    }

    private static class NoTrigger
    {
        [Function("Lost")]
        public static void A(string text) { }
    }

    private static class TwoTriggers
    {
        [Function("Both")]
        public static void A([ActivityTrigger] string a, [TimerTrigger("* * * * * *")] TimerInfo b) { }
    }

    private sealed class Injected(TimeProvider clock)
    {
        [Function("Unsteady")]
        public DateTimeOffset A([OrchestrationTrigger] TaskOrchestrationContext context) => clock.GetUtcNow();
    }

    private static class ServiceParameter
    {
        [Function("Greedy")]
        public static void A([ActivityTrigger] string text, TimeProvider clock) { }
    }

    private static class TwoInputs
    {
        [Function("Two")]
        public static void A([OrchestrationTrigger] TaskOrchestrationContext context, int a, int b) { }
    }

    private static class ContextActivity
    {
        [Function("Old")]
        public static void A([ActivityTrigger] TaskActivityContext context) { }
    }

    private static class ClientInOrchestrator
    {
        [Function("Calls")]
        public static void A([OrchestrationTrigger] TaskOrchestrationContext context, [DurableClient] DurableTaskClient client) { }
    }

    private static class AdminRoute
    {
        [Function("Page")]
        public static void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "AdminPages/x")] HttpRequest request) { }
    }

    private static class BadRoute
    {
        [Function("Torn")]
        public static void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "a/{b")] HttpRequest request) { }
    }

    private static class HiddenMethod
    {
        [Function("Hidden")]
        internal static void A([ActivityTrigger] string text) { }
    }
#pragma warning disable AZFW0002 // Wrong on purpose.
    private static class AsyncVoid
    {
        [Function("Forgotten")]
        public static async void A([ActivityTrigger] string text) => await Task.Yield();
    }
#pragma warning restore AZFW0002
    private static class BadName
    {
        [Function("1st")]
        public static void A([ActivityTrigger] string text) { }
    }

    private abstract class AbstractClass
    {
        [Function("Nobody")]
        public void A([ActivityTrigger] string text) { }
    }

    private static class SameRoute
    {
        [Function("First")]
        public static void A([HttpTrigger(AuthorizationLevel.Anonymous, "get", "put", Route = "x/{id}")] HttpRequest request) { }

        [Function("Second")]
        public static void B([HttpTrigger(AuthorizationLevel.Anonymous, "PUT", Route = "X/{name}")] HttpRequest request) { }
    }
}
