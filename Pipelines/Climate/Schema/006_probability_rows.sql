-- P(H) again, with one row for each cell and risk instead of one for each cell and target year: eighty times nine values in nine rows are a tenth of the rows and half
-- the bytes. What was computed before is computed again by the next run, because its model version is another one.
DROP VIEW public.probability_results;
DROP TABLE climate.probability_cells;
DROP TABLE climate.probability_row;
DROP FUNCTION climate.bin_probabilities(bigint, integer);

CREATE TABLE climate.probability_row (
    created_at  timestamptz NOT NULL,
    tile        integer NOT NULL,
    grid_id     integer NOT NULL,
    scenario_id smallint NOT NULL,
    risk_id     smallint NOT NULL,
    first_year  smallint NOT NULL,
    last_year   smallint NOT NULL,
    fallback    boolean NOT NULL,   -- rests on a stated default, or could not be computed
    years       bytea NOT NULL      -- ten bytes for each target year, or ten that hold for all of them: annual_loss and bin_probabilities read them
);
ALTER TABLE climate.probability_row ALTER COLUMN years SET STORAGE PLAIN; -- short, and dense already
CREATE TABLE climate.probability_cells (LIKE climate.probability_row INCLUDING STORAGE) PARTITION BY LIST (scenario_id);
DO $$
DECLARE s record;
BEGIN
    FOR s IN SELECT scenario_id AS id, lower(scenario) AS name FROM climate.scenarios LOOP
        EXECUTE format('CREATE TABLE climate.probability_cells_%s PARTITION OF climate.probability_cells FOR VALUES IN (%s) PARTITION BY LIST (tile)', s.name, s.id);
    END LOOP;
END $$;

-- Where a year begins in years.
CREATE FUNCTION climate.year_at(years bytea, year integer, first_year integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN length(years) = 10 THEN 0 ELSE 10 * (year - first_year) END $$;

-- Share of the value lost in a year; NULL: not computed. 24 bits of millionths, lowest byte first, all ones when unknown.
CREATE FUNCTION climate.annual_loss(years bytea, at integer) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(get_byte(years, at) | (get_byte(years, at + 1) << 8) | (get_byte(years, at + 2) << 16), 16777215) / 1000000.0::double precision $$;

-- Four numbers of 14 bits after the loss, ten-thousandths each; the bin after the last one that is stored is the rest to 1.
CREATE FUNCTION climate.bin_probabilities(years bytea, at integer, bins integer) RETURNS double precision[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE bins
        WHEN 4 THEN ARRAY[p0 / f, p1 / f, p2 / f, (10000 - p0 - p1 - p2) / f]
        ELSE ARRAY[p0 / f, p1 / f, p2 / f, p3 / f, (10000 - p0 - p1 - p2 - p3) / f]
    END
    FROM (SELECT 10000.0::double precision AS f, b3 | ((b4 & 63) << 8) AS p0, (b4 >> 6) | (b5 << 2) | ((b6 & 15) << 10) AS p1,
            (b6 >> 4) | (b7 << 4) | ((b8 & 3) << 12) AS p2, (b8 >> 2) | (b9 << 6) AS p3
        FROM (SELECT get_byte(years, at + 3) AS b3, get_byte(years, at + 4) AS b4, get_byte(years, at + 5) AS b5, get_byte(years, at + 6) AS b6,
            get_byte(years, at + 7) AS b7, get_byte(years, at + 8) AS b8, get_byte(years, at + 9) AS b9) AS bytes) AS units $$;

CREATE VIEW public.probability_results AS
SELECT g.latitude, g.longitude, k.risk_type, y.target_year, s.scenario, climate.annual_loss(c.years, y.at) AS aal,
    climate.bin_probabilities(c.years, y.at, cardinality(k.damage_rates)) AS bin_probs, k.damage_rates, c.fallback AS used_fallback, c.created_at, c.grid_id
FROM climate.probability_cells c
JOIN climate.scenarios s USING (scenario_id)
JOIN climate.risks k USING (risk_id)
LEFT JOIN climate.location_grid g USING (grid_id)
CROSS JOIN LATERAL (SELECT year AS target_year, climate.year_at(c.years, year, c.first_year) AS at FROM generate_series(c.first_year::integer, c.last_year) AS year) y
WHERE climate.annual_loss(c.years, y.at) IS NOT NULL;
