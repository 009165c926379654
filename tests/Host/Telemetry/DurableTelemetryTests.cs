using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Durable.Host.Configuration;
using Durable.Host.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Durable.Tests.Host.Telemetry;

public sealed class DurableTelemetryTests
{
    private const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public void Spans_carry_name_instance_and_their_caller_s_trace()
    {
        string function = "F" + Guid.NewGuid().ToString("N");
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == DurableTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);

        using (Activity? orchestration = DurableTelemetry.StartOrchestrationSpan(function, "i-1", Parent))
        {
            Assert.Equal($"orchestration:{function}", orchestration?.OperationName);
            Assert.Equal(
                ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
                (orchestration!.TraceId.ToString(), orchestration.ParentSpanId.ToString())
            );
            Assert.Equal("i-1", orchestration.GetTagItem("durabletask.task.instance_id"));
        }

        using Activity? activity = DurableTelemetry.StartActivitySpan(function, "i-1", 7, Parent);
        Assert.Equal(($"activity:{function}", 7), (activity?.OperationName, activity?.GetTagItem("durabletask.task.task_id")));
    }

    [Fact]
    public void Every_instrument_reports_what_it_was_given()
    {
        string function = "F" + Guid.NewGuid().ToString("N");
        Dictionary<string, double> seen = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == DurableTelemetry.MeterName)
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Take(i, value, tags));
        listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Take(i, value, tags));
        listener.Start();

        DurableTelemetry.TurnRun(function, TimeSpan.FromMilliseconds(250));
        DurableTelemetry.StartActivitySpan(function, "i", 0, null)?.Dispose();
        DurableTelemetry.ActivityEnded(function, TimeSpan.FromSeconds(2), failed: false);
        DurableTelemetry.ActivityEnded(function, TimeSpan.FromSeconds(2), failed: true);
        DurableTelemetry.TimerFired(function, TimeSpan.FromSeconds(3));

        Assert.Equal(
            new SortedDictionary<string, double>
            {
                ["durable.turns"] = 1,
                ["durable.turn.duration"] = 0.25,
                ["durable.activities.started"] = 1,
                ["durable.activities.completed"] = 1,
                ["durable.activities.failed"] = 1,
                ["durable.activity.duration"] = 4,
                ["durable.timers.fired"] = 1,
                ["durable.timer.lateness"] = 3,
            },
            new SortedDictionary<string, double>(seen)
        );

        // Other tests run beside this one: only what names this test's function counts.
        void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (!Equals(tag.Value, function))
                    continue;
                lock (seen)
                    seen[instrument.Name] = seen.GetValueOrDefault(instrument.Name) + value;
            }
        }
    }

    [Fact]
    public async Task With_an_endpoint_configured_spans_and_metrics_reach_it()
    {
        using HttpListener collector = Listen(out int port);
        Task<Dictionary<string, byte[]>> received = ReceiveAsync(collector, ["/v1/traces", "/v1/metrics"]);
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(
            new HostApplicationBuilderSettings()
        );
        builder.Configuration.AddInMemoryCollection([
            new(TelemetryExport.Endpoint, $"http://127.0.0.1:{port}"),
            new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ]);
        builder.Services.AddTelemetryExport(builder.Configuration, new HostJson());
        using (IHost host = builder.Build())
        {
            await host.StartAsync();
            DurableTelemetry.StartActivitySpan("SendsSpans", "instance-of-span", 1, Parent)?.Dispose();
            DurableTelemetry.ActivityEnded("SendsSpans", TimeSpan.FromSeconds(1), failed: false);
            await host.StopAsync();
        }

        Dictionary<string, byte[]> bodies = await received.WaitAsync(TimeSpan.FromSeconds(30));
        string traces = Encoding.Latin1.GetString(bodies["/v1/traces"]); // protobuf keeps texts as they are
        Assert.Contains("activity:SendsSpans", traces, StringComparison.Ordinal);
        Assert.Contains("instance-of-span", traces, StringComparison.Ordinal);
        Assert.Contains("durable.activities.completed", Encoding.Latin1.GetString(bodies["/v1/metrics"]), StringComparison.Ordinal);
    }

    private static HttpListener Listen(out int port)
    {
        using System.Net.Sockets.TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        HttpListener listener = new();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        return listener;
    }

    private static async Task<Dictionary<string, byte[]>> ReceiveAsync(HttpListener collector, IReadOnlyList<string> paths)
    {
        Dictionary<string, byte[]> bodies = [];
        while (!paths.All(bodies.ContainsKey))
        {
            HttpListenerContext request = await collector.GetContextAsync();
            using MemoryStream body = new();
            await request.Request.InputStream.CopyToAsync(body);
            string path = request.Request.Url!.AbsolutePath;
            bodies[path] = [.. bodies.GetValueOrDefault(path) ?? [], .. body.ToArray()];
            request.Response.Close();
        }

        return bodies;
    }
}
