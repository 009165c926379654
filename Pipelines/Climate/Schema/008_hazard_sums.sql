-- Number and sum of the scores of each scenario, year and time of writing, kept in the transaction that writes the rows: what the monitoring query counts
-- over 144 million rows of the national grid is read from a few hundred here. A year rewritten in part has rows of several times of writing.
CREATE TABLE climate.hazard_sums (
    scenario_id smallint NOT NULL,
    target_year smallint NOT NULL,
    created_at  timestamptz NOT NULL,
    scores      bigint NOT NULL,
    score_sum   bigint NOT NULL,   -- hundredths of a point
    PRIMARY KEY (scenario_id, target_year, created_at)
);

INSERT INTO climate.hazard_sums
SELECT scenario_id, target_year, created_at,
    sum(num_nonnulls(extreme_heat, extreme_cold, wildfire, drought, water_stress, sea_level_rise, river_flood, urban_flood, typhoon)),
    sum(coalesce(extreme_heat, 0)::bigint + coalesce(extreme_cold, 0) + coalesce(wildfire, 0) + coalesce(drought, 0) + coalesce(water_stress, 0)
        + coalesce(sea_level_rise, 0) + coalesce(river_flood, 0) + coalesce(urban_flood, 0) + coalesce(typhoon, 0))
FROM climate.hazard_cells GROUP BY scenario_id, target_year, created_at;
