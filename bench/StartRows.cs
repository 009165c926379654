using System.Diagnostics;
using System.Net;
using System.Text;
using Durable.Tests.Fixtures;
using Durable.Tests.Functions;
using Durable.Tests.Host.Chaos;

namespace Durable.Bench;

/// <summary>From the start of a process to the first requests it answers, on a hub that has its tables already. Requests are tried every
/// 5 ms.</summary>
internal static class StartRows
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(BenchTable table)
    {
        List<(double Answered, double Accepted)> app = [],
            sample = [];
        List<double> memory = [];
        string connection = await PostgresServer.CreateDatabaseAsync();
        await using (await AppProcess.StartAsync(connection, onSchedule: true)) { } // creates the tables
        for (int i = 0; i < Rounds.Count; i++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            await using AppProcess process = AppProcess.Launch(connection, onSchedule: true);
            app.Add(await FirstAsync(watch, process.Url, "/api/runs", "/api/climate/sample", $$"""{"cells": 10, "seed": {{i}}}"""));
            await process.WaitAsync("climate-sample");
            memory.Add(Process.GetProcessById(process.ProcessId).WorkingSet64 / 1e6);
        }

        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost first = hub.StartHost();
        await first.ReadyAsync(); // creates the tables
        await first.KillNineAsync();
        for (int i = 0; i < Rounds.Count; i++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            SampleHost host = hub.StartHost();
            sample.Add(
                await FirstAsync(
                    watch,
                    $"http://127.0.0.1:{hub.Port}",
                    "/runtime/webhooks/durabletask/instances?top=1",
                    "/runtime/webhooks/durabletask/orchestrators/Echo",
                    "\"hello\""
                )
            );
            await host.KillNineAsync();
        }

        table.AddSeconds("the app: start of the process to its first 200 (`GET /api/runs`)", Answered(app), 2);
        table.AddSeconds("the app: start of the process to its first 202 (`POST /api/climate/sample`)", Accepted(app), 2);
        table.AddAtMost("the app: resident memory after that run, MB", new Samples(memory), 200);
        table.AddSeconds("a small app: start of the process to its first 200 (`GET` of the management API)", Answered(sample), 2);
        table.AddSeconds("a small app: start of the process to its first 202 (start of an orchestration)", Accepted(sample), 2);
    }

    private static Samples Answered(IEnumerable<(double Answered, double Accepted)> starts) => new([.. starts.Select(s => s.Answered)]);

    private static Samples Accepted(IEnumerable<(double Answered, double Accepted)> starts) => new([.. starts.Select(s => s.Accepted)]);

    /// <summary>Seconds to the first 200 of <paramref name="get"/> and, after it, to the first 202 of <paramref name="post"/>.</summary>
    private static async Task<(double Answered, double Accepted)> FirstAsync(
        Stopwatch watch,
        string url,
        string get,
        string post,
        string body
    )
    {
        using HttpClient http = new() { BaseAddress = new Uri(url) };
        double answered = await UntilAsync(HttpStatusCode.OK, () => http.GetAsync(get));
        double accepted = await UntilAsync(
            HttpStatusCode.Accepted,
            async () =>
            {
                using StringContent content = new(body, Encoding.UTF8, "application/json");
                return await http.PostAsync(post, content);
            }
        );
        return (answered, accepted);

        async Task<double> UntilAsync(HttpStatusCode expected, Func<Task<HttpResponseMessage>> ask)
        {
            string last = "no answer";
            while (watch.Elapsed < Longest)
            {
                try
                {
                    using HttpResponseMessage answer = await ask();
                    if (answer.StatusCode == expected)
                        return watch.Elapsed.TotalSeconds;
                    last = $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}";
                }
                catch (HttpRequestException)
                {
                    // not listening yet
                }

                await Task.Delay(5);
            }

            throw new InvalidOperationException($"{url} did not answer {(int)expected} within {Longest.TotalSeconds} s: {last}");
        }
    }
}
