namespace Durable.Pipelines.Climate.Grid;

/// <summary>A block of cells: 4,096 in grid order, fewer in the last tile.</summary>
public sealed record Tile(int Number, int[] GridIds, double[] Latitudes, double[] Longitudes)
{
    public const int Size = 4096;

    public int Cells => GridIds.Length;
}

/// <summary>Columns of values for the cells of some tiles, tile after tile. A column never stored is all NaN.</summary>
public sealed class GridColumns
{
    private readonly Dictionary<GridVariable, float[]> columns = [];
    private readonly HashSet<GridVariable> monthly = [];

    public GridColumns(int cells) => Cells = cells;

    public int Cells { get; }

    /// <summary>The column, created as all missing on first use.</summary>
    public float[] this[GridVariable variable]
    {
        get
        {
            if (!columns.TryGetValue(variable, out float[]? column))
            {
                column = new float[Cells];
                Array.Fill(column, float.NaN);
                columns.Add(variable, column);
            }

            return column;
        }
    }

    /// <summary>True when this column's day counts come from monthly values.</summary>
    public bool IsFromMonthly(GridVariable variable) => monthly.Contains(variable);

    public void MarkMonthly(GridVariable variable) => monthly.Add(variable);

    public void MarkDaily(GridVariable variable) => monthly.Remove(variable);
}
