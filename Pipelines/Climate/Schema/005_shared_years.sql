-- A year of a small grid is not worth a table: creating and attaching one costs more than its rows. Such years lie together in the scenario's default
-- partition and are replaced there by DELETE and COPY in one transaction, so readers still see the old year or the new one.
DO $$
DECLARE s record;
BEGIN
    FOR s IN SELECT lower(scenario) AS name FROM climate.scenarios LOOP
        EXECUTE format('CREATE TABLE climate.hazard_cells_%1$s_shared PARTITION OF climate.hazard_cells_%1$s DEFAULT', s.name);
        -- A summary of page ranges: costs next to nothing to keep, and finds the pages of a year.
        EXECUTE format('CREATE INDEX hazard_cells_%1$s_years ON climate.hazard_cells_%1$s_shared USING brin (target_year) WITH (pages_per_range = 16)', s.name);
    END LOOP;
END $$;
