using System.Globalization;

namespace Durable.Pipelines.Spot.Model;

/// <summary>One ten-minute slot, named by the time it was scheduled for.</summary>
public readonly record struct SlotTime : IComparable<SlotTime>
{
    /// <summary>Time between two slots.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromMinutes(10);

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd'T'HH:mm",
        "yyyy-MM-dd'T'HH:mm'Z'",
        "yyyy-MM-dd'T'HH:mm:ss",
        "yyyy-MM-dd'T'HH:mm:ss'Z'",
    ];

    private SlotTime(DateTime utc) => Utc = utc;

    /// <summary>Its beginning.</summary>
    public DateTime Utc { get; }

    /// <summary>The day whose workload it asks.</summary>
    public DateOnly Day => DateOnly.FromDateTime(Utc);

    /// <summary>E.g. <c>2026-11-26T10:20</c>: how requests, partitions and history name it.</summary>
    public string Text => Utc.ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture);

    /// <summary>One slot, one instance: a second start finds the first.</summary>
    public string InstanceId => "spot-" + Utc.ToString("yyyyMMdd-HHmm", CultureInfo.InvariantCulture);

    /// <summary>The slot of a time.</summary>
    public static SlotTime Of(DateTime utc) => new(DateTime.SpecifyKind(utc.AddTicks(-(utc.Ticks % Length.Ticks)), DateTimeKind.Utc));

    /// <summary>Reads a UTC time such as <c>2026-11-26T10:20</c>, with seconds and a Z or without, down to its slot.</summary>
    public static bool TryParse(string? text, out SlotTime slot)
    {
        bool read = DateTime.TryParseExact(
            text,
            Formats,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out DateTime utc
        );
        slot = read ? Of(utc) : default;
        return read;
    }

    /// <exception cref="ArgumentException">It is not such a time; permanent.</exception>
    public static SlotTime Parse(string text) =>
        TryParse(text, out SlotTime slot) ? slot : throw new ArgumentException($"'{text}' is not a UTC time such as 2026-11-26T10:20.");

    /// <summary>All slots from this one to another, both included.</summary>
    public IEnumerable<SlotTime> To(SlotTime last)
    {
        for (DateTime at = Utc; at <= last.Utc; at += Length)
            yield return new SlotTime(at);
    }

    public SlotTime Plus(int slots) => new(Utc + (slots * Length));

    public int CompareTo(SlotTime other) => Utc.CompareTo(other.Utc);

    public static bool operator <(SlotTime left, SlotTime right) => left.Utc < right.Utc;

    public static bool operator >(SlotTime left, SlotTime right) => left.Utc > right.Utc;

    public static bool operator <=(SlotTime left, SlotTime right) => left.Utc <= right.Utc;

    public static bool operator >=(SlotTime left, SlotTime right) => left.Utc >= right.Utc;

    public override string ToString() => Text;
}
