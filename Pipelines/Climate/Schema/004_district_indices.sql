-- Annual indices of the 261 districts, derived from their daily values; cells take those of their district (cell_facts.admin_code).
CREATE TABLE climate.district_indices (
    admin_code  varchar(10) NOT NULL,
    scenario_id smallint NOT NULL,
    year        smallint NOT NULL,
    variable    smallint NOT NULL,   -- GridVariable
    value       real NOT NULL,
    PRIMARY KEY (admin_code, scenario_id, year, variable)
);
CREATE INDEX district_indices_by_year ON climate.district_indices (year);
