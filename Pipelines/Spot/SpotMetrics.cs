using System.Diagnostics.Metrics;
using Durable.Pipelines.Spot.Tables;

namespace Durable.Pipelines.Spot;

/// <summary>Metrics of the newest committed slot, on the meter <c>Durable.Spot</c>.</summary>
public sealed class SpotMetrics : IDisposable
{
    public const string MeterName = "Durable.Spot";

    private readonly Meter meter = new(MeterName);
    private readonly Gauge<int> rows,
        changed,
        removed,
        carried;
    private readonly Counter<int> rejected;

    public SpotMetrics()
    {
        rows = meter.CreateGauge<int>("spot.rows", "{row}", "Rows of the market as of the newest slot");
        changed = meter.CreateGauge<int>("spot.changed", "{row}", "Rows that the newest slot changed");
        removed = meter.CreateGauge<int>("spot.removed", "{row}", "Rows that the newest slot removed");
        carried = meter.CreateGauge<int>("spot.carried", "{row}", "Rows that the newest slot kept because their score was unknown");
        rejected = meter.CreateCounter<int>("spot.rejected", "{record}", "Records that a sink refused for good");
    }

    public void Record(SlotRow slot)
    {
        if (slot.Rejected > 0)
            rejected.Add(slot.Rejected);
        if (slot.IsLate)
            return;
        rows.Record(slot.Rows);
        changed.Record(slot.Changed);
        removed.Record(slot.Removed);
        carried.Record(slot.Carried);
    }

    public void Dispose() => meter.Dispose();
}
