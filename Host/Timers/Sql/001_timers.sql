-- One row per timer function; the row is the lock. An occurrence is claimed by moving next_at on and setting firing_at in one UPDATE, and is
-- done when firing_at is cleared. A claim whose lease has run out belonged to a host that died: it is taken over and fired again, as past due.
CREATE TABLE timers (
    function_name text PRIMARY KEY,
    schedule text NOT NULL,            -- in force for every host, whatever an older one has in its code
    time_zone text NOT NULL,
    last_at timestamptz,               -- occurrence fired last
    next_at timestamptz,               -- null: none comes any more
    last_updated timestamptz NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    firing_at timestamptz,             -- occurrence being fired
    firing_by uuid,                    -- host process that fires it
    firing_until timestamptz,          -- renewed while the function runs
    firing_tries integer NOT NULL DEFAULT 0,
    CONSTRAINT firing_is_whole CHECK ((firing_at IS NULL) = (firing_by IS NULL) AND (firing_at IS NULL) = (firing_until IS NULL))
);
