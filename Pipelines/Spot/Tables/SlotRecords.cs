using System.Text.Json.Serialization;
using Durable.Operations;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Tables;

/// <summary>How a slot stands in <c>spot.slots</c>.</summary>
[JsonConverter(typeof(StoredTextConverter<SlotState>))]
public enum SlotState
{
    /// <summary>Begun; what it asked for may lie in the bucket.</summary>
    Collecting,

    /// <summary>Its delta is computed and lies in the bucket.</summary>
    Staged,

    /// <summary>Part of the history.</summary>
    Present,
}

/// <summary>The record of a slot.</summary>
/// <param name="IsLate">A newer slot existed: latest and rotation did not move.</param>
public sealed record SlotRow(
    SlotTime Slot,
    SlotState State,
    int Capacity,
    string RunId,
    string? DeltaKey,
    bool IsLate,
    int Asked,
    int Rows,
    int Changed,
    int Removed,
    int Carried,
    int Rejected,
    string? Error
);

/// <summary>Position in the cycle of capacities and accounts.</summary>
public sealed record Rotation(int CapacityIndex, int AccountIndex, DateOnly? WorkloadDate, SlotTime? LatestSlot);

/// <summary>One change of the market, as staged, stored and sent.</summary>
/// <param name="At">The slot from which it is valid; <c>2026-11-26T10:20</c>.</param>
public sealed record MarketChange(
    string At,
    string InstanceType,
    string Region,
    string Zone,
    int Score,
    int T3,
    int T2,
    double Interruption,
    double SpotPrice,
    double OnDemandPrice,
    bool Ceased = false
)
{
    public const string Schema = "spot.delta/1";

    public static MarketChange Of(SlotTime at, MarketKey key, Quote quote) =>
        new(
            at.Text,
            key.InstanceType,
            key.Region,
            key.Zone,
            quote.Score,
            quote.T3,
            quote.T2,
            quote.Interruption,
            quote.SpotPrice,
            quote.OnDemandPrice
        );

    public static MarketChange Gone(SlotTime at, MarketKey key) => Of(at, key, Quote.Ceased) with { Ceased = true };
}

/// <summary>A slot's delta, ready to store.</summary>
public sealed record StagedSlot(SlotTime Slot, IReadOnlyList<MarketChange> Changes, IReadOnlyList<Storage.AccountUse> Uses);
