using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;
using Spectre.Console;

namespace Durable.Cli.Output;

/// <summary>Progress of a run, from its custom status: <c>total</c>, <c>done</c>, <c>failed</c>, <c>phase</c>, <c>waitingFor</c>.</summary>
/// <param name="Done">Ended partitions, failed ones included.</param>
/// <param name="Total">All partitions of the run; 0 while unknown.</param>
/// <param name="Failed">Failed ones among them.</param>
/// <param name="Stage">In the run's own words, or empty.</param>
/// <param name="Unit">What is counted.</param>
internal sealed record RunProgress(long Done, long Total, long Failed, string Stage, string Unit = "partitions")
{
    /// <summary>Reads a custom status; anything but counts is shown as the stage.</summary>
    public static RunProgress Read(JsonNode? customStatus)
    {
        long failed = customStatus.Number("failed") ?? 0;
        long completed = customStatus.Number("done") ?? 0;
        string stage = customStatus switch
        {
            JsonValue text => Fields.Plain(text),
            _ => customStatus.Text("phase") is { Length: > 0 } phase ? phase
            : customStatus.Text("waitingFor") is { Length: > 0 } other ? "waits: " + other
            : string.Empty,
        };
        return new RunProgress(completed + failed, customStatus.Number("total") ?? 0, failed, stage, Counted(customStatus));
    }

    private static string Counted(JsonNode? customStatus) =>
        customStatus.Field("models") is not null ? "models"
        : customStatus.Field("asked") is not null ? "parts"
        : customStatus.Field("steps") is not null || (customStatus.Field("phase") is not null && customStatus.Field("values") is null)
            ? "steps"
        : "partitions";

    /// <summary>One line: counts, share, what failed.</summary>
    public override string ToString()
    {
        string counts =
            Total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Done}/{Total} {Unit} ({100 * Done / Total} %)") : string.Empty;
        string failures = Failed > 0 ? string.Create(CultureInfo.InvariantCulture, $", {Failed} failed") : string.Empty;
        return string.Join(' ', new[] { Stage, counts + failures }.Where(part => part.Length > 0));
    }
}

/// <summary>Shows a run's progress: a moving bar on a terminal, else a line per change, at most every two seconds.</summary>
internal static class ProgressView
{
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(2);

    /// <summary>Runs <paramref name="work"/>, which reports each new state.</summary>
    public static async Task<T> WatchAsync<T>(Screen screen, string title, Func<Action<RunProgress>, Task<T>> work)
    {
        if (!screen.Interactive)
            return await work(Lines(screen, title));

        return await screen
            .Spectre()
            .Progress()
            .AutoClear(false)
            .Columns(
                new SpinnerColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new ElapsedTimeColumn()
            )
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask(Markup.Escape(title), maxValue: 1);
                bar.IsIndeterminate = true;
                T result = await work(progress => Move(bar, title, progress));
                bar.StopTask();
                return result;
            });
    }

    private static void Move(ProgressTask bar, string title, RunProgress progress)
    {
        bar.IsIndeterminate = progress.Total == 0;
        bar.MaxValue = Math.Max(1, progress.Total);
        bar.Value = progress.Done;
        bar.Description = Markup.Escape($"{title} {progress}");
    }

    private static Action<RunProgress> Lines(Screen screen, string title)
    {
        string last = string.Empty;
        long shownAt = 0;
        return progress =>
        {
            string line = progress.ToString();
            bool soon =
                shownAt != 0 && Stopwatch.GetElapsedTime(shownAt) < QuietTime && (progress.Total == 0 || progress.Done < progress.Total);
            if (line.Length == 0 || line == last || soon)
                return;
            (last, shownAt) = (line, Stopwatch.GetTimestamp());
            screen.Say($"{title}: {line}");
        };
    }
}
