namespace Durable.Pipelines.Climate.Model;

/// <summary>A row of <c>climate.api_typhoon_besttrack</c>, as the batches read it.</summary>
/// <param name="Grade">TD, TS, STS, TY or L.</param>
/// <param name="MaxWind">m/s; NaN when not given, like the pressure.</param>
/// <param name="GaleLong">Axes of the gale and storm areas in km; NaN when not given, like their directions in degrees.</param>
public readonly record struct StormFix(
    string StormId,
    int Year,
    int Month,
    int Day,
    int Hour,
    string Grade,
    double Latitude,
    double Longitude,
    double MaxWind,
    double Pressure,
    double GaleLong,
    double GaleShort,
    double GaleDirection,
    double StormLong,
    double StormShort,
    double StormDirection
);
