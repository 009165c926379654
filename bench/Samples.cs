namespace Durable.Bench;

/// <summary>What was measured several times, in the order of its rounds.</summary>
internal sealed record Samples(IReadOnlyList<double> Values)
{
    public double Median => Values.Order().ElementAt(Values.Count / 2);

    public double Min => Values.Min();

    public double Max => Values.Max();

    public static Samples Of(params double[] values) => new(values);

    /// <summary>Round by round the ratio to what was measured in the same round.</summary>
    public Samples Over(Samples beside) => new([.. Values.Zip(beside.Values, (value, other) => value / other)]);
}
