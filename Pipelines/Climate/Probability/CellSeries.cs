namespace Durable.Pipelines.Climate.Probability;

/// <summary>
/// A variable as a series per cell, transposed from columns by year. Sixteen cells are transposed at a time: reading eighty columns cell by
/// cell misses the cache. Not thread-safe; fast for cells in order.
/// </summary>
internal sealed class CellSeries(float[][] columns)
{
    private const int Block = 16;

    private readonly float[] turned = new float[Block * columns.Length];
    private int block = -1;

    /// <summary>Values of a cell by year, NaN where missing. Valid until the next call.</summary>
    public ReadOnlySpan<float> this[int cell]
    {
        get
        {
            if (cell / Block != block)
                Turn(cell / Block);
            return turned.AsSpan(cell % Block * columns.Length, columns.Length);
        }
    }

    private void Turn(int wanted)
    {
        block = wanted;
        for (int year = 0; year < columns.Length; year++)
        {
            ReadOnlySpan<float> column = columns[year].AsSpan(block * Block);
            for (int cell = 0; cell < Math.Min(Block, column.Length); cell++)
                turned[cell * columns.Length + year] = column[cell];
        }
    }
}
