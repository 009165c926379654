using Durable.Operations.Ledger;
using Durable.Operations.Plans;

namespace Durable.Tests.Operations;

public sealed class PlanTests
{
    private static readonly (string, IReadOnlyList<string>)[] Wanted = [("a", ["f1"]), ("b", ["f1"]), ("c", ["f1"]), ("d", ["f1"])];

    [Fact]
    public void Each_partition_has_its_reason()
    {
        Plan plan = Plan.Make(
            "hazard",
            "all",
            Wanted,
            Ledger(("b", PartitionState.Present, "f1"), ("c", PartitionState.Present, "old"), ("d", PartitionState.Failed, "f1")),
            2,
            force: false
        );

        Assert.Equal(
            [PlanReason.Missing, PlanReason.Present, PlanReason.Stale, PlanReason.Failed],
            plan.Partitions.Select(partition => partition.Reason)
        );
        Assert.Equal((3, 1), (plan.ToFill, plan.Skipped));
        Assert.Equal(3.0, plan.EstimatedSeconds); // 2 s each, three of them, two lanes
    }

    [Fact]
    public void Force_fills_what_is_present()
    {
        Plan plan = Plan.Make("hazard", "all", Wanted, Ledger(("a", PartitionState.Present, "f1")), 1, force: true);

        Assert.All(plan.Partitions, partition => Assert.Equal(PlanReason.Forced, partition.Reason));
    }

    [Fact]
    public void A_plan_hashes_what_it_does_and_the_difference_is_readable()
    {
        Plan before = Plan.Make("hazard", "all", Wanted, Ledger(("a", PartitionState.Present, "f1")), 2, force: false);
        Plan same = Plan.Make("hazard", "all", Wanted, Ledger(("a", PartitionState.Present, "f1")), 8, force: false);
        Plan after = Plan.Make(
            "hazard",
            "all",
            Wanted[..3],
            Ledger(("a", PartitionState.Failed, "f1"), ("b", PartitionState.Present, "f1")),
            2,
            force: false
        );

        Assert.Equal(before.Hash, same.Hash);
        Assert.Empty(same.DifferenceFrom(before));
        Assert.NotEqual(before.Hash, after.Hash);
        Assert.Equal(
            ["d: was missing, no longer wanted", "a: was present, is failed", "b: was missing, is present"],
            after.DifferenceFrom(before)
        );
    }

    private static Dictionary<string, PartitionRecord> Ledger(params (string Key, PartitionState State, string Fingerprint)[] records) =>
        records.ToDictionary(
            record => record.Key,
            record => new PartitionRecord(record.Key, record.State, record.Fingerprint, null, null, 2000)
        );
}
