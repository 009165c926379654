using System.Text.Json;
using Durable.Host.Functions;
using Durable.Tests.Host.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.DurableTask;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Host.Functions;

public sealed class FunctionRuntimeTests
{
    private readonly Trace trace = new();
    private readonly TestLog log = new();

    [Theory]
    [InlineData("Hello", "\"Ada\"", "\"Hello Ada of i-1\"")]
    [InlineData("hello", null, "\"Hello  of i-1\"")]
    [InlineData("Hello", "{\"a\":1}", "\"Hello {\\u0022a\\u0022:1} of i-1\"")]
    [InlineData("Swap", """{"name":"ada","Age":3}""", """{"Name":"ADA","Age":4}""")]
    [InlineData("Swap", "null", null)]
    [InlineData("Sum", "[1,2,3]", "6")]
    [InlineData("Sum", null, "0")]
    [InlineData("Later", "5", "10")]
    [InlineData("LaterValue", "5", "10")]
    [InlineData("Nothing", "5", null)]
    [InlineData("NothingLater", "5", null)]
    [InlineData("NothingValue", "5", null)]
    public async Task Activity_takes_and_returns_json(string name, string? input, string? output) =>
        Assert.Equal(output, await Runtime().InvokeActivityAsync(Call(name, input), CancellationToken.None));

    [Theory, InlineData("Throws"), InlineData("ThrowsLater")]
    public async Task Exception_of_an_activity_passes_through_unwrapped(string name)
    {
        ShopException e = await Assert.ThrowsAsync<ShopException>(() =>
            Runtime().InvokeActivityAsync(Call(name, "1"), CancellationToken.None)
        );

        Assert.Equal("closed", e.Message);
    }

    [Fact]
    public async Task Input_that_does_not_fit_names_function_and_parameter()
    {
        FunctionInputConverterException e = await Assert.ThrowsAsync<FunctionInputConverterException>(() =>
            Runtime().InvokeActivityAsync(Call("Swap", "\"text\""), CancellationToken.None)
        );

        Assert.Contains("Function 'Swap': Cannot convert input parameter 'person'", e.Message, StringComparison.Ordinal);
        Assert.IsType<JsonException>(e.InnerException);
    }

    [Fact]
    public async Task Activity_class_lives_in_a_scope_of_its_own_and_is_disposed()
    {
        FunctionRuntime runtime = Runtime();

        string? first = await runtime.InvokeActivityAsync(Call("Scoped", null), CancellationToken.None);
        string? second = await runtime.InvokeActivityAsync(Call("Scoped", null), CancellationToken.None);

        Assert.NotEqual(first, second);
        Assert.Equal(["instance disposed", "scope disposed", "instance disposed", "scope disposed"], this.trace.Lines);
    }

    [Fact]
    public async Task Activity_sees_its_context_and_token()
    {
        using CancellationTokenSource stop = new();
        string? seen = await Runtime()
            .InvokeActivityAsync(
                new ActivityCall("Inspect", "i-7", 4, "\"in\"", null, 3, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                stop.Token
            );

        Assert.Equal(
            """["Inspect","text","i-7","\u0022in\u0022","2","00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","True"]""",
            seen
        );
    }

    [Theory]
    [InlineData("Echo", """{"name":"ada","AGE":3}""", "ada 3")]
    [InlineData("Echo", null, "nobody")]
    [InlineData("EchoSync", "4", "4 i-1")]
    public async Task Orchestrator_takes_typed_input(string name, string? input, string output) =>
        Assert.Equal(output, await Runtime().InvokeOrchestratorAsync(name, new FakeOrchestration(), input));

    [Fact]
    public async Task Orchestrator_input_that_does_not_fit_is_the_bare_json_exception()
    {
        JsonException e = await Assert.ThrowsAsync<JsonException>(() =>
            Runtime().InvokeOrchestratorAsync("Echo", new FakeOrchestration(), "\"text\"")
        );

        Assert.StartsWith("The JSON value could not be converted to", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Orchestrator_exceptions_come_as_a_faulted_task() =>
        Assert.Equal(
            "closed",
            (
                await Assert.ThrowsAsync<ShopException>(() => Runtime().InvokeOrchestratorAsync("Fails", new FakeOrchestration(), null))
            ).Message
        );

    [Fact]
    public async Task Orchestrator_stays_on_the_callers_thread_and_context()
    {
        FakeOrchestration context = new();
        TurnContext turns = new();
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(turns);
        int thread = Environment.CurrentManagedThreadId;
        Task<object?> run;
        try
        {
            run = Runtime(Passing).InvokeOrchestratorAsync("Waits", context, null);
            Assert.False(run.IsCompleted);

            context.Signal.SetResult("event");
            turns.Drain();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }

        Assert.True(run.IsCompletedSuccessfully);
        Assert.Equal($"event on {thread}", await run);
    }

    [Fact]
    public async Task Middleware_goes_around_every_kind_of_function_in_order_of_registration()
    {
        FunctionRuntime runtime = Runtime(Noting("outer"), Noting("inner"));

        await runtime.InvokeActivityAsync(Call("Nothing", "1"), CancellationToken.None);
        await runtime.InvokeOrchestratorAsync("EchoSync", new FakeOrchestration(), "1");
        await runtime.InvokeTimerAsync("Nightly", new TimerInfo { IsPastDue = true }, CancellationToken.None);

        string[] around = ["outer>", "inner>", "<inner", "<outer"];
        Assert.Equal(
            [
                .. around.Select(a => a + " Nothing"),
                .. around.Select(a => a + " EchoSync"),
                "outer> Nightly",
                "inner> Nightly",
                "Nightly pastDue=True",
                "<inner Nightly",
                "<outer Nightly",
            ],
            this.trace.Lines
        );
    }

    [Fact]
    public async Task Middleware_may_answer_for_an_activity_that_throws()
    {
        FunctionRuntime runtime = Runtime(next =>
            async context =>
            {
                try
                {
                    await next(context);
                }
                catch (ShopException)
                {
                    ((HostFunctionContext)context).Result = "saved";
                }
            }
        );

        Assert.Equal("\"saved\"", await runtime.InvokeActivityAsync(Call("Throws", "1"), CancellationToken.None));
    }

    [Fact]
    public async Task Middleware_that_waits_before_an_orchestrator_is_refused_instead_of_hanging_it()
    {
        TaskCompletionSource world = new();
        FunctionRuntime runtime = Runtime(next =>
            async context =>
            {
                await world.Task;
                await next(context);
            }
        );

        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            runtime.InvokeOrchestratorAsync("EchoSync", new FakeOrchestration(), "1")
        );

        Assert.Contains("'EchoSync'", e.Message, StringComparison.Ordinal);
        world.SetResult();
    }

    [Fact]
    public async Task Middleware_that_waits_after_an_orchestrator_does_not_hold_its_result()
    {
        FunctionRuntime runtime = Runtime(next =>
            async context =>
            {
                await next(context);
                await Task.Delay(Timeout.Infinite);
            }
        );

        Assert.Equal(
            "1 i-1",
            await runtime.InvokeOrchestratorAsync("EchoSync", new FakeOrchestration(), "1").WaitAsync(TimeSpan.FromSeconds(5))
        );
    }

    [Theory, InlineData("Obeys"), InlineData("Ignores")]
    public async Task Function_that_overstays_has_its_token_cancelled_and_fails(string name)
    {
        FunctionRuntime runtime = Runtime(
            new FunctionLimits { Timeout = TimeSpan.FromMilliseconds(50), Grace = TimeSpan.FromMilliseconds(50) }
        );

        TimeoutException e = await Assert.ThrowsAsync<TimeoutException>(() =>
            runtime.InvokeActivityAsync(Call(name, "1"), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20))
        );

        Assert.Contains($"Function '{name}' did not end within 00:00:00.05", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Function_that_ends_in_time_keeps_its_result_and_its_token()
    {
        FunctionRuntime runtime = Runtime(new FunctionLimits { Timeout = TimeSpan.FromMinutes(1) });

        Assert.Equal("10", await runtime.InvokeActivityAsync(Call("Later", "5"), CancellationToken.None));
        Assert.EndsWith(
            "True\"]",
            await runtime.InvokeActivityAsync(Call("Inspect", "\"in\""), CancellationToken.None),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Names_are_sorted_and_known_without_case()
    {
        FunctionRuntime runtime = Runtime();

        Assert.Equal(["Echo", "EchoSync", "Fails", "Waits"], runtime.OrchestratorNames);
        Assert.True(runtime.HasActivity("HELLO"));
        Assert.False(runtime.HasActivity("Echo"));
        Assert.True(runtime.HasOrchestrator("echo"));
    }

    private static ActivityCall Call(string name, string? input) => new(name, "i-1", 0, input, null, 1, null);

    private static FunctionExecutionDelegate Passing(FunctionExecutionDelegate next) => async context => await next(context);

    private Func<FunctionExecutionDelegate, FunctionExecutionDelegate> Noting(string name) =>
        next =>
            async context =>
            {
                this.trace.Lines.Add($"{name}> {context.FunctionDefinition.Name}");
                await next(context);
                this.trace.Lines.Add($"<{name} {context.FunctionDefinition.Name}");
            };

    private FunctionRuntime Runtime(params Func<FunctionExecutionDelegate, FunctionExecutionDelegate>[] middleware) =>
        Runtime(new FunctionLimits(), middleware);

    private FunctionRuntime Runtime(
        FunctionLimits limits,
        params Func<FunctionExecutionDelegate, FunctionExecutionDelegate>[] middleware
    ) =>
        new ServiceCollection()
            .AddSingleton(limits)
            .AddLogging(l => l.Services.AddSingleton<Microsoft.Extensions.Logging.ILoggerProvider>(log))
            .AddFunctionModel(FunctionCatalog.FromTypes([typeof(Shop), typeof(ScopedActivity)]), new FunctionPipeline(middleware))
            .AddSingleton(this.trace)
            .AddScoped<ScopeMark>()
            .BuildServiceProvider(validateScopes: true)
            .GetRequiredService<FunctionRuntime>();

    public sealed record Person(string Name, int Age);

    public sealed class ShopException(string message) : Exception(message);

    public sealed class Trace
    {
        public List<string> Lines { get; } = [];
    }

    public sealed class ScopeMark(Trace trace) : IDisposable
    {
        public Guid Id { get; } = Guid.NewGuid();

        public void Dispose() => trace.Lines.Add("scope disposed");
    }

    public sealed class ScopedActivity(ScopeMark mark, ScopeMark same, Trace trace) : IAsyncDisposable
    {
        [Function("Scoped")]
        public Guid Run([ActivityTrigger] string? input) => mark == same ? mark.Id : throw new InvalidOperationException("two scopes");

        public ValueTask DisposeAsync()
        {
            trace.Lines.Add("instance disposed");
            return default;
        }
    }

    public sealed class Shop
    {
        [Function("Hello")]
        public static string Hello([ActivityTrigger] string name, string instanceId) => $"Hello {name} of {instanceId}";

        [Function("Swap")]
        public Person? Swap([ActivityTrigger] Person? person) =>
            person is null ? null : new(person.Name.ToUpperInvariant(), person.Age + 1);

        [Function("Sum")]
        public static int Sum([ActivityTrigger] IReadOnlyList<int>? numbers) => numbers?.Sum() ?? 0;

        [Function("Later")]
        public static async Task<int> Later([ActivityTrigger] int n)
        {
            await Task.Yield();
            return 2 * n;
        }

        [Function("LaterValue")]
        public static async ValueTask<int> LaterValue([ActivityTrigger] int n)
        {
            await Task.Yield();
            return 2 * n;
        }

        [Function("Nothing")]
        public static void Nothing([ActivityTrigger] int n) { }

        [Function("NothingLater")]
        public static async Task NothingLater([ActivityTrigger] int n) => await Task.Yield();

        [Function("NothingValue")]
        public static async ValueTask NothingValue([ActivityTrigger] int n) => await Task.Yield();

        [Function("Throws")]
        public static string Throws([ActivityTrigger] int n) => throw new ShopException("closed");

        [Function("ThrowsLater")]
        public static async Task<string> ThrowsLater([ActivityTrigger] int n)
        {
            await Task.Yield();
            throw new ShopException("closed");
        }

        [Function("Obeys")]
        public static Task Obeys([ActivityTrigger] int n, CancellationToken token) => Task.Delay(Timeout.Infinite, token);

        [Function("Ignores")]
        public static Task Ignores([ActivityTrigger] int n) => Task.Delay(Timeout.Infinite);

        [Function("Inspect")]
        public static string[] Inspect([ActivityTrigger] string text, FunctionContext context, CancellationToken token) =>
            [
                context.FunctionDefinition.Name,
                string.Join(",", context.FunctionDefinition.InputBindings.Keys),
                (string)context.BindingContext.BindingData["instanceId"]!,
                (string)context.BindingContext.BindingData[nameof(text)]!,
                $"{context.RetryContext.RetryCount}",
                context.TraceContext.TraceParent,
                $"{token.CanBeCanceled && token == context.CancellationToken && Guid.TryParse(context.InvocationId, out _)}",
            ];

        [Function("Nightly")]
        public static void Nightly([TimerTrigger("0 0 0 * * *")] TimerInfo timer, FunctionContext context) =>
            context.InstanceServices.GetRequiredService<Trace>().Lines.Add($"Nightly pastDue={timer.IsPastDue}");

        [Function("Echo")]
        public static async Task<string> Echo([OrchestrationTrigger] TaskOrchestrationContext context, Person? person)
        {
            await Task.CompletedTask;
            return person is null ? "nobody" : $"{person.Name} {person.Age}";
        }

        [Function("EchoSync")]
        public string EchoSync([OrchestrationTrigger] TaskOrchestrationContext context, int n, FunctionContext invocation) =>
            $"{n} {invocation.BindingContext.BindingData["instanceId"]}";

        [Function("Fails")]
        public static string Fails([OrchestrationTrigger] TaskOrchestrationContext context) => throw new ShopException("closed");

        [Function("Waits")]
        public static async Task<string> Waits([OrchestrationTrigger] TaskOrchestrationContext context) =>
            $"{await context.WaitForExternalEvent<string>("e")} on {Environment.CurrentManagedThreadId}";
    }

    /// <summary>Runs what was posted only when told to, on the thread that tells.</summary>
    private sealed class TurnContext : SynchronizationContext
    {
        private readonly Queue<(SendOrPostCallback Callback, object? State)> posted = new();

        public override void Post(SendOrPostCallback d, object? state) => this.posted.Enqueue((d, state));

        public void Drain()
        {
            while (this.posted.TryDequeue(out var next))
                next.Callback(next.State);
        }
    }
}
