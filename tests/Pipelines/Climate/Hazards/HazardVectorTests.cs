using System.Text.Json;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;

namespace Durable.Tests.Pipelines.Climate.Hazards;

/// <summary>Every recorded input and output of the published scores, to 4 decimals.</summary>
public sealed class HazardVectorTests
{
    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        foreach ((int index, JsonElement vector) in Load().Index())
            cases.Add(index, vector.GetProperty("risk").GetString()!);
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Scores_agree_with_the_recorded_vectors_to_four_decimals(int index, string risk)
    {
        JsonElement vector = Load()[index];

        HazardScore score = Score(risk, vector.GetProperty("input"));

        Assert.Equal(vector.GetProperty("h").GetDouble(), score.Value, 1e-9);
    }

    private static HazardScore Score(string risk, JsonElement input)
    {
        double Climate(string name) => Number(input, "climate_data", name);
        LandCover cover = Cover(input);
        switch (risk)
        {
            case "extreme_heat":
                return ExtremeHeat.Score(Climate("heatwave_days_per_year"), Climate("heat_wave_duration"), Climate("tropical_nights"));
            case "extreme_cold":
                return ExtremeCold.Score(
                    Climate("coldwave_days_per_year"),
                    Climate("cold_wave_duration"),
                    Climate("ice_days"),
                    Climate("annual_min_temp_celsius")
                );
            case "drought":
                return Drought.Score(Climate("spei12_index"), Climate("annual_rainfall_mm"), Climate("consecutive_dry_days"));
            case "river_flood":
                return RiverFlood.Score(Climate("max_1day_rainfall_mm"), cover, Number(input, "building_data", "distance_to_river_m"));
            case "urban_flood":
                return UrbanFlood.Score(
                    Climate("max_1day_rainfall_mm"),
                    cover,
                    Number(input, "spatial_data", "impervious_ratio"),
                    Number(input, "building_data", "building_count")
                );
            case "sea_level_rise":
                return SeaLevelRise.Score(Climate("sea_level_rise_cm"), Number(input, "building_data", "distance_to_coast_m"));
            case "water_stress":
                JsonElement wamis = input.GetProperty("wamis_data");
                return WaterStress.Score(
                    Climate("annual_rainfall_mm"),
                    Number(wamis, "water_usage", "total"),
                    Number(wamis, "watershed_info", "watershed_area_km2"),
                    Number(wamis, "watershed_info", "runoff_coef")
                );
            case "wildfire":
                return Wildfire.Score(Climate("ta"), Climate("rhm"), Climate("ws"), Climate("annual_rainfall_mm"), cover);
            case "typhoon":
                return Storm(input, Climate("rx1day"));
            default:
                throw new InvalidOperationException(risk);
        }
    }

    private static HazardScore Storm(JsonElement input, double wettestDay)
    {
        if (!input.GetProperty("typhoon_data").TryGetProperty("typhoons", out JsonElement typhoons))
            return Typhoon.Score(default, wettestDay, tracksKnown: false);
        TyphoonExposure exposure = Typhoon.Expose(
            input.GetProperty("latitude").GetDouble(),
            input.GetProperty("longitude").GetDouble(),
            typhoons
                .EnumerateArray()
                .Select(point => new TrackPoint(
                    point.GetProperty("lat").GetDouble(),
                    point.GetProperty("lon").GetDouble(),
                    point.GetProperty("max_wind_speed").GetDouble()
                ))
        );
        return Typhoon.Score(exposure, wettestDay);
    }

    private static LandCover Cover(JsonElement input) =>
        input.TryGetProperty("spatial_data", out JsonElement place)
        && place.TryGetProperty("landcover_type", out JsonElement type)
        && Enum.TryParse(type.GetString(), ignoreCase: true, out LandCover cover)
            ? cover
            : LandCover.Other;

    private static double Number(JsonElement parent, string group, string name) =>
        parent.TryGetProperty(group, out JsonElement values) && values.TryGetProperty(name, out JsonElement value)
            ? value.GetDouble()
            : double.NaN;

    private static List<JsonElement> Load() =>
        [
            .. JsonDocument
                .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "climate-hazard-vectors.json")))
                .RootElement.GetProperty("cases")
                .EnumerateArray(),
        ];
}
