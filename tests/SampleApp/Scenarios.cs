using System.Text.RegularExpressions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace SampleApp;

/// <summary>Orchestrations whose output follows from their input by arithmetic, so that a lost, doubled or mixed-up result shows.</summary>
public static class Scenarios
{
    private static readonly TaskOptions FewTries = TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromMilliseconds(50)));

    /// <summary>Six steps, each on the result of the one before: value → 3 × value + 1, six times.</summary>
    [Function(nameof(Chain))]
    public static async Task<long> Chain([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        long value = context.GetInput<long>();
        for (int step = 0; step < 6; step++)
        {
            value = await context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest($"chain-{step}", value));
        }

        return value;
    }

    /// <summary>Twelve steps at once on value + 0 … value + 11; their sum.</summary>
    [Function(nameof(FanOut))]
    public static async Task<long> FanOut([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        long value = context.GetInput<long>();
        long[] results = await Task.WhenAll(
            Enumerable
                .Range(0, 12)
                .Select(i => context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest($"fan-{i}", value + i, 20)))
        );
        return results.Sum();
    }

    /// <summary>Three chains as children with fixed ids on value, value + 1, value + 2; their sum.</summary>
    [Function(nameof(Family))]
    public static async Task<long> Family([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        long value = context.GetInput<long>();
        long[] results = await Task.WhenAll(
            Enumerable
                .Range(0, 3)
                .Select(i =>
                    context.CallSubOrchestratorAsync<long>(
                        nameof(Chain),
                        value + i,
                        new SubOrchestrationOptions(instanceId: $"{context.InstanceId}-child-{i}")
                    )
                )
        );
        return results.Sum();
    }

    /// <summary>A step, a timer of 300 ms, a step; −1 when the timer fired early.</summary>
    [Function(nameof(Pause))]
    public static async Task<long> Pause([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        long value = await context.CallActivityAsync<long>(
            nameof(Effects.RecordEffect),
            new EffectRequest("before", context.GetInput<long>())
        );
        DateTime before = context.CurrentUtcDateTime;
        await context.CreateTimer(TimeSpan.FromMilliseconds(300), CancellationToken.None);
        return context.CurrentUtcDateTime - before < TimeSpan.FromMilliseconds(300)
            ? -1
            : await context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest("after", value));
    }

    /// <summary>Waits for the events first and second, a step after each: 3 × (first × 10 + second) + 1.</summary>
    [Function(nameof(Listen))]
    public static async Task<long> Listen([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        long first = await context.WaitForExternalEvent<long>("first");
        await context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest("first", first));
        long second = await context.WaitForExternalEvent<long>("second");
        return await context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest("second", (first * 10) + second));
    }

    /// <summary>A step that fails twice before it works: 3 × value + 1.</summary>
    [Function(nameof(Persist))]
    public static Task<long> Persist([OrchestrationTrigger] TaskOrchestrationContext context) =>
        context.CallActivityAsync<long>(
            nameof(Effects.RecordEffectOnThirdTry),
            new EffectRequest("persist", context.GetInput<long>()),
            FewTries
        );

    /// <summary>Four generations, one step each on the result of the generation before.</summary>
    [Function(nameof(Generations))]
    public static async Task<long> Generations([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        Generation now = context.GetInput<Generation>()!;
        long value = await context.CallActivityAsync<long>(
            nameof(Effects.RecordEffect),
            new EffectRequest($"generation-{now.Number}", now.Value)
        );
        if (now.Number < 4)
        {
            context.ContinueAsNew(new Generation(now.Number + 1, value));
        }

        return value;
    }

    /// <summary>Its input.</summary>
    [Function(nameof(Echo))]
    public static Task<string?> Echo([OrchestrationTrigger] TaskOrchestrationContext context) =>
        Task.FromResult(context.GetInput<string>());

    /// <summary>Throws its input: of its own, and from an activity when the input begins so.</summary>
    [Function(nameof(Throw))]
    public static async Task Throw([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        string text = Regex.Unescape(context.GetInput<string>()!);
        if (text.StartsWith("activity", StringComparison.Ordinal))
            await context.CallActivityAsync(nameof(ThrowActivity), context.GetInput<string>());
        throw new InvalidOperationException(text);
    }

    [Function(nameof(ThrowActivity))]
    public static void ThrowActivity([ActivityTrigger] string text) => throw new InvalidOperationException(Regex.Unescape(text));

    /// <summary>As many steps of 50 ms as the input says, one after the other; their number.</summary>
    [Function(nameof(Ticks))]
    public static async Task<long> Ticks([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        int count = context.GetInput<int>();
        for (int tick = 0; tick < count; tick++)
        {
            await context.CallActivityAsync<long>(nameof(Effects.RecordEffect), new EffectRequest($"tick-{tick}", tick, 50));
        }

        return count;
    }
}

/// <summary>State of <see cref="Scenarios.Generations"/>: which generation, from 1, and the value so far.</summary>
public sealed record Generation(int Number, long Value);
