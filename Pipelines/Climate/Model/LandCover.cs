namespace Durable.Pipelines.Climate.Model;

/// <summary>Land-cover class of a cell, numbered as in the land-cover raster. <see cref="Other"/> also stands for an unknown
/// code.</summary>
public enum LandCover
{
    Other = 0,
    Water = 1,
    Urban = 2,
    Agricultural = 3,
    Forest = 4,
    Grassland = 5,
    Wetland = 6,
    Barren = 7,
}

public static class LandCovers
{
    /// <summary>Class of a raster code; a code outside 1–7 (or a missing one) is <see cref="LandCover.Other"/>.</summary>
    public static LandCover FromCode(float code) => code is >= 1 and <= 7 ? (LandCover)(int)code : LandCover.Other;

    /// <summary>Default share of sealed ground of a class, 0 to 1.</summary>
    public static double ImperviousRatio(this LandCover cover) =>
        cover switch
        {
            LandCover.Water => 0,
            LandCover.Urban => 0.9,
            LandCover.Agricultural => 0.2,
            LandCover.Forest => 0.05,
            LandCover.Grassland or LandCover.Wetland => 0.1,
            LandCover.Barren => 0.3,
            _ => 0.5,
        };
}
