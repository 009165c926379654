-- What was wrong with a refused row, in parts, and how a file's text was decoded.
ALTER TABLE climate.imports ADD COLUMN encoding text NOT NULL DEFAULT 'UTF-8';
ALTER TABLE climate.import_rejects
    ADD COLUMN column_name text NOT NULL DEFAULT '', ADD COLUMN value text NOT NULL DEFAULT '', ADD COLUMN remedy text NOT NULL DEFAULT '';

-- A month has one key, its first day. Deliveries that dated it otherwise lay beside each other, and sums counted both: the last one stays.
-- Dates end in 2100: one row of the year 9999 made every series run up to it. NOT VALID: rows that lie there already are named by the packer.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tamax_data', 'tamin_data', 'ta_data', 'rn_data', 'ws_data', 'rhm_data', 'si_data', 'spei12_data'] LOOP
        EXECUTE format('DELETE FROM climate.%1$I a USING climate.%1$I b WHERE a.grid_id = b.grid_id AND extract(day FROM b.observation_date) > 1
            AND date_trunc(''month'', a.observation_date) = date_trunc(''month'', b.observation_date) AND a.observation_date < b.observation_date', t);
        EXECUTE format('UPDATE climate.%I SET observation_date = date_trunc(''month'', observation_date)::date WHERE extract(day FROM observation_date) > 1', t);
        EXECUTE format('ALTER TABLE climate.%I ADD CONSTRAINT %I CHECK (extract(day FROM observation_date) = 1)', t, t || '_has_one_row_a_month');
        EXECUTE format('ALTER TABLE climate.%I ADD CONSTRAINT %I CHECK (extract(year FROM observation_date) BETWEEN 1900 AND 2100) NOT VALID', t, t || '_is_of_1900_to_2100');
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ta', 'tamax', 'tamin', 'rn', 'rhm', 'ws', 'si'] LOOP
        EXECUTE format('ALTER TABLE climate.%I ADD CONSTRAINT %I CHECK (extract(year FROM observation_date) BETWEEN 1900 AND 2100) NOT VALID',
            t || '_daily_sgg261', t || '_daily_is_of_1900_to_2100');
    END LOOP;
    FOREACH t IN ARRAY ARRAY['wsdi_data', 'csdi_data', 'rx1day_data', 'rx5day_data', 'cdd_data', 'rain80_data', 'sdii_data', 'ta_yearly_data', 'sea_level_data',
        'api_typhoon_besttrack'] LOOP
        EXECUTE format('ALTER TABLE climate.%I ADD CONSTRAINT %I CHECK (year BETWEEN 1900 AND 2100) NOT VALID', t, t || '_is_of_1900_to_2100');
    END LOOP;
END $$;
