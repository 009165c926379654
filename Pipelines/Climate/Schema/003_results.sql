-- Results. One row for each cell, scenario and year; the nine risks are columns, so a row is written once and stays narrow.
-- A partition is built beside the table, from the shape in *_row, and attached when whole; readers see the old one or the new one.
-- (From the shape, because copying the shape of the parent would lock the parent for as long as the partition takes to fill.)

CREATE TABLE climate.hazard_row (
    scenario_id    smallint NOT NULL,
    target_year    smallint NOT NULL,
    grid_id        integer NOT NULL,
    extreme_heat   smallint,         -- hundredths of a point: 4640 is a score of 46.40; NULL: not computed
    extreme_cold   smallint,
    wildfire       smallint,
    drought        smallint,
    water_stress   smallint,
    sea_level_rise smallint,
    river_flood    smallint,
    urban_flood    smallint,
    typhoon        smallint,
    fallbacks      smallint NOT NULL, -- bit i: risk i used a stated default; bits 9 and 10: heat, cold counted days from monthly values
    created_at     timestamptz NOT NULL
);
CREATE TABLE climate.hazard_cells (LIKE climate.hazard_row) PARTITION BY LIST (scenario_id);

CREATE TABLE climate.probability_row (
    scenario_id      smallint NOT NULL,
    tile             integer NOT NULL,
    target_year      smallint NOT NULL,
    grid_id          integer NOT NULL,
    extreme_heat     integer,        -- AAL in millionths of the value; NULL: not computed
    extreme_cold     integer,
    wildfire         integer,
    drought          integer,
    water_stress     integer,
    sea_level_rise   integer,
    river_flood      integer,
    urban_flood      integer,
    typhoon          integer,
    extreme_heat_p   bigint,         -- bin probabilities, see climate.bin_probabilities
    extreme_cold_p   bigint,
    wildfire_p       bigint,
    drought_p        bigint,
    water_stress_p   bigint,
    sea_level_rise_p bigint,
    river_flood_p    bigint,
    urban_flood_p    bigint,
    typhoon_p        bigint,
    fallbacks        smallint NOT NULL,
    created_at       timestamptz NOT NULL
);
CREATE TABLE climate.probability_cells (LIKE climate.probability_row) PARTITION BY LIST (scenario_id);

-- Two levels: attaching costs time in proportion to the partitions beside the new one, and locks only its own scenario.
DO $$
DECLARE s record;
BEGIN
    FOR s IN SELECT scenario_id AS id, lower(scenario) AS name FROM climate.scenarios LOOP
        EXECUTE format('CREATE TABLE climate.hazard_cells_%s PARTITION OF climate.hazard_cells FOR VALUES IN (%s) PARTITION BY LIST (target_year)', s.name, s.id);
        EXECUTE format('CREATE TABLE climate.probability_cells_%s PARTITION OF climate.probability_cells FOR VALUES IN (%s) PARTITION BY LIST (tile)', s.name, s.id);
    END LOOP;
END $$;

-- Unpacks bin probabilities: each bin but the last is 14 bits of ten-thousandths, lowest bin lowest; the last is the rest to 1.
CREATE FUNCTION climate.bin_probabilities(packed bigint, bins integer) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
    SELECT CASE bins
        WHEN 4 THEN ARRAY[(packed & 16383) / f, ((packed >> 14) & 16383) / f, ((packed >> 28) & 16383) / f,
            (10000 - (packed & 16383) - ((packed >> 14) & 16383) - ((packed >> 28) & 16383)) / f]
        ELSE ARRAY[(packed & 16383) / f, ((packed >> 14) & 16383) / f, ((packed >> 28) & 16383) / f, ((packed >> 42) & 16383) / f,
            (10000 - (packed & 16383) - ((packed >> 14) & 16383) - ((packed >> 28) & 16383) - ((packed >> 42) & 16383)) / f]
    END FROM (VALUES (10000.0::double precision)) scale (f) $$;

CREATE TABLE climate.risks (risk_id integer PRIMARY KEY, risk_type text NOT NULL UNIQUE, damage_rates double precision[] NOT NULL);
INSERT INTO climate.risks VALUES
    (0, 'extreme_heat', '{0.001,0.003,0.010,0.020,0.035}'), (1, 'extreme_cold', '{0.0005,0.0020,0.0060,0.0150,0.0250}'),
    (2, 'wildfire', '{0,0.01,0.03,0.10,0.25}'), (3, 'drought', '{0,0.02,0.07,0.20}'), (4, 'water_stress', '{0.01,0.03,0.07,0.15}'),
    (5, 'sea_level_rise', '{0,0.02,0.15,0.35}'), (6, 'river_flood', '{0,0.02,0.08,0.20}'), (7, 'urban_flood', '{0,0.03,0.10,0.25,0.45}'),
    (8, 'typhoon', '{0,0.02,0.10,0.30}');

-- What people query: one row for each place, risk, year and scenario. In public, so that monitoring queries need no schema name.
CREATE VIEW public.hazard_results AS
SELECT g.latitude, g.longitude, r.risk_type, c.target_year::integer AS target_year, s.scenario, (r.score / 100.0::real)::real AS hazard_score,
    (c.fallbacks >> r.risk_id) & 1 = 1 AS used_fallback, c.fallbacks, c.created_at, c.grid_id
FROM climate.hazard_cells c
JOIN climate.scenarios s USING (scenario_id)
LEFT JOIN climate.location_grid g USING (grid_id)
CROSS JOIN LATERAL (VALUES
    (0, 'extreme_heat', c.extreme_heat), (1, 'extreme_cold', c.extreme_cold), (2, 'wildfire', c.wildfire), (3, 'drought', c.drought),
    (4, 'water_stress', c.water_stress), (5, 'sea_level_rise', c.sea_level_rise), (6, 'river_flood', c.river_flood),
    (7, 'urban_flood', c.urban_flood), (8, 'typhoon', c.typhoon)) AS r (risk_id, risk_type, score)
WHERE r.score IS NOT NULL;

CREATE VIEW public.probability_results AS
SELECT g.latitude, g.longitude, r.risk_type, c.target_year::integer AS target_year, s.scenario, r.aal / 1000000.0::double precision AS aal,
    climate.bin_probabilities(r.packed, cardinality(k.damage_rates)) AS bin_probs, k.damage_rates,
    (c.fallbacks >> r.risk_id) & 1 = 1 AS used_fallback, c.fallbacks, c.created_at, c.grid_id
FROM climate.probability_cells c
JOIN climate.scenarios s USING (scenario_id)
LEFT JOIN climate.location_grid g USING (grid_id)
CROSS JOIN LATERAL (VALUES
    (0, 'extreme_heat', c.extreme_heat, c.extreme_heat_p), (1, 'extreme_cold', c.extreme_cold, c.extreme_cold_p),
    (2, 'wildfire', c.wildfire, c.wildfire_p), (3, 'drought', c.drought, c.drought_p), (4, 'water_stress', c.water_stress, c.water_stress_p),
    (5, 'sea_level_rise', c.sea_level_rise, c.sea_level_rise_p), (6, 'river_flood', c.river_flood, c.river_flood_p),
    (7, 'urban_flood', c.urban_flood, c.urban_flood_p), (8, 'typhoon', c.typhoon, c.typhoon_p)) AS r (risk_id, risk_type, aal, packed)
JOIN climate.risks k USING (risk_type)
WHERE r.aal IS NOT NULL;
