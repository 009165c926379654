-- The batches read annual values as columns: one block holds one variable of one scenario and year for one tile of the grid,
-- as 32-bit floats (little-endian, NaN = missing) in the order of the tile's cells. Blocks are derived from the input tables by the packer.

CREATE TABLE climate.tiles (
    tile       integer PRIMARY KEY,
    cells      integer NOT NULL,
    grid_ids   bytea NOT NULL,      -- 32-bit integers, ascending
    latitudes  bytea NOT NULL,      -- 64-bit floats
    longitudes bytea NOT NULL,
    CONSTRAINT tile_is_whole CHECK (length(grid_ids) = 4 * cells AND length(latitudes) = 8 * cells AND length(longitudes) = 8 * cells)
);

CREATE TABLE climate.cell_series (
    scenario_id smallint NOT NULL,  -- 0: holds for every scenario
    year        smallint NOT NULL,  -- 0: holds for every year
    variable    smallint NOT NULL,  -- GridVariable
    tile        integer NOT NULL,
    source      smallint NOT NULL,  -- 0 as given, 1 day counts taken from monthly values
    cell_values bytea NOT NULL,
    PRIMARY KEY (scenario_id, year, variable, tile)
);
ALTER TABLE climate.cell_series ALTER COLUMN cell_values SET STORAGE EXTERNAL; -- floats hardly compress, and trying costs more than reading

-- Changes whenever inputs of a scenario and year change, so that results computed from older inputs are known to be stale.
CREATE TABLE climate.input_versions (
    scenario_id smallint NOT NULL, year smallint NOT NULL, version text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scenario_id, year));
