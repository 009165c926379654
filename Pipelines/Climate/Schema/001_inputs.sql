-- Input tables, as the warehouse has them. Grid tables: one value column for each scenario (ssp1 = SSP126, ssp2 = SSP245, ssp3 = SSP370, ssp5 = SSP585).

CREATE TABLE climate.scenarios (scenario_id smallint PRIMARY KEY, scenario text NOT NULL UNIQUE);
INSERT INTO climate.scenarios VALUES (1, 'SSP126'), (2, 'SSP245'), (3, 'SSP370'), (4, 'SSP585');

CREATE TABLE climate.location_grid (
    grid_id   integer PRIMARY KEY,
    longitude numeric(9, 6) NOT NULL,
    latitude  numeric(8, 6) NOT NULL,
    CONSTRAINT a_place_is_one_cell UNIQUE (latitude, longitude)
);
CREATE TABLE climate.sea_level_grid (grid_id integer PRIMARY KEY, longitude numeric(9, 6) NOT NULL, latitude numeric(8, 6) NOT NULL);

-- What the rasters (land cover, elevation) and the building register say about a cell, sampled at its centre. NULL = unknown.
CREATE TABLE climate.cell_facts (
    grid_id             integer PRIMARY KEY,
    landcover           smallint,
    impervious_ratio    real,
    elevation_m         real,
    distance_to_river_m real,
    distance_to_coast_m real,   -- NULL: distance to the nearest sea-level grid point
    building_count      real,
    basin               text,
    admin_code          varchar(10)
);

CREATE TABLE climate.location_admin (admin_code varchar(10) PRIMARY KEY, admin_name text NOT NULL, population bigint);
CREATE TABLE climate.api_river_info (river_code text PRIMARY KEY, river_name text NOT NULL, basin text, watershed_area_km2 real, stream_order smallint);
CREATE TABLE climate.api_wamis (
    basin              text PRIMARY KEY,
    watershed_area_km2 real,
    runoff_coef        real,
    usage_1000m3       real,    -- demand, 10^3 m3 a year
    withdrawal_m3      double precision,
    renewable_water_m3 double precision  -- TRWR, m3 a year
);
CREATE TABLE climate.water_stress_rankings (
    name text NOT NULL, year smallint NOT NULL, scenario text NOT NULL, indicator text NOT NULL, score real, PRIMARY KEY (name, year, scenario, indicator));
CREATE TABLE climate.building_aggregate_cache (
    lot_id text PRIMARY KEY, grid_id integer, structure_types jsonb, purpose_types jsonb, max_ground_floors smallint, max_underground_floors smallint,
    buildings_with_seismic integer, buildings_without_seismic integer, oldest_building_age_years real, total_floor_area_sqm double precision);

CREATE TABLE climate.api_typhoon_besttrack (
    tcid text NOT NULL, year smallint NOT NULL, month smallint NOT NULL, day smallint NOT NULL, hour smallint NOT NULL,
    grade text NOT NULL, longitude real NOT NULL, latitude real NOT NULL, max_wind_speed real, central_pressure real,
    gale_long real, gale_short real, gale_dir real, storm_long real, storm_short real, storm_dir real, typhoon_name text,
    PRIMARY KEY (tcid, year, month, day, hour)
);
CREATE TABLE climate.api_typhoon_track (
    year smallint NOT NULL, typ_seq smallint NOT NULL, seq smallint NOT NULL, ft_type smallint NOT NULL, tmd text, typ_tm timestamptz NOT NULL,
    ft_tm timestamptz NOT NULL, latitude real NOT NULL, longitude real NOT NULL, direction text, speed_kmh real, pressure_hpa real, wind_speed_ms real,
    rad15_km real, rad25_km real, grade text,
    PRIMARY KEY (year, typ_seq, seq, ft_type, typ_tm, ft_tm)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tamax_data', 'tamin_data', 'ta_data', 'rn_data', 'ws_data', 'rhm_data', 'si_data', 'spei12_data'] LOOP
        EXECUTE format('CREATE TABLE climate.%I (observation_date date NOT NULL, grid_id integer NOT NULL, ssp1 real, ssp2 real, ssp3 real, ssp5 real,
            PRIMARY KEY (observation_date, grid_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['wsdi_data', 'csdi_data', 'rx1day_data', 'rx5day_data', 'cdd_data', 'rain80_data', 'sdii_data', 'ta_yearly_data', 'sea_level_data'] LOOP
        EXECUTE format('CREATE TABLE climate.%I (year smallint NOT NULL, grid_id integer NOT NULL, ssp1 real, ssp2 real, ssp3 real, ssp5 real,
            PRIMARY KEY (year, grid_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ta', 'tamax', 'tamin', 'rn', 'rhm', 'ws', 'si'] LOOP
        EXECUTE format('CREATE TABLE climate.%I (observation_date date NOT NULL, admin_code varchar(10) NOT NULL, ssp1 real, ssp2 real, ssp3 real, ssp5 real,
            PRIMARY KEY (observation_date, admin_code))', t || '_daily_sgg261');
    END LOOP;
END $$;

-- Every import, and every row it refused.
CREATE TABLE climate.imports (
    import_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, table_name text NOT NULL, source text NOT NULL, accepted bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0, imported_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE climate.import_rejects (
    import_id bigint NOT NULL REFERENCES climate.imports ON DELETE CASCADE, line bigint NOT NULL, reason text NOT NULL, content text NOT NULL,
    PRIMARY KEY (import_id, line));
