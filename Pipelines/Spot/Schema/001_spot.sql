-- The spot market: an append-only history, what is latest, and where the rotation of capacities and accounts stands.

-- The query selector: every row of the market that was ever published.
CREATE TABLE spot.market_keys (
    key_id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_type text NOT NULL,
    region        text NOT NULL,
    zone          text NOT NULL,                 -- zone id, e.g. use1-az2
    CONSTRAINT market_key_is_listed_once UNIQUE (instance_type, zone, region)
);

-- A row of the market is what its newest change says, until the next. One partition a month (spot_changes_YYYYMM), made when its first change comes.
CREATE TABLE spot.spot_changes (
    at              timestamptz NOT NULL,        -- slot
    spot_price      double precision NOT NULL,   -- US dollars an hour, five decimals; -1 missing
    on_demand_price double precision NOT NULL,
    key_id          integer NOT NULL,
    interruption    real NOT NULL,               -- 3.0 seldom … 1.0 often, -1 missing
    score           smallint NOT NULL,
    t3              smallint NOT NULL,
    t2              smallint NOT NULL,
    ceased          boolean NOT NULL,            -- gone from here on; the values are zero
    PRIMARY KEY (key_id, at)
) PARTITION BY RANGE (at);

-- The market as of the newest slot. In every commit: what spot_changes adds up to.
CREATE TABLE spot.spot_latest (
    key_id          integer PRIMARY KEY REFERENCES spot.market_keys,
    since           timestamptz NOT NULL,
    spot_price      double precision NOT NULL,
    on_demand_price double precision NOT NULL,
    interruption    real NOT NULL,
    score           smallint NOT NULL,
    t3              smallint NOT NULL,
    t2              smallint NOT NULL
);

-- One row a slot that was ever begun. staged: its delta lies in the bucket under delta_key and no other slot may be staged before it is present.
CREATE TABLE spot.slots (
    slot         timestamptz PRIMARY KEY,
    state        text NOT NULL DEFAULT 'collecting',
    capacity     integer NOT NULL,
    run_id       text NOT NULL,
    delta_key    text,
    is_late      boolean NOT NULL DEFAULT false, -- a newer slot was present before: latest and rotation did not move
    asked        integer NOT NULL DEFAULT 0,     -- questions answered
    rows         integer NOT NULL DEFAULT 0,
    changed      integer NOT NULL DEFAULT 0,
    removed      integer NOT NULL DEFAULT 0,
    carried      integer NOT NULL DEFAULT 0,
    rejected     integer NOT NULL DEFAULT 0,     -- records that a sink refused for good
    error        text,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    committed_at timestamptz,
    CONSTRAINT slot_state_is_known CHECK (state IN ('collecting', 'staged', 'present')),
    CONSTRAINT staged_slot_has_a_delta CHECK (state = 'collecting' OR delta_key IS NOT NULL),
    CONSTRAINT present_slot_is_whole CHECK ((state = 'present') = (committed_at IS NOT NULL))
);
CREATE UNIQUE INDEX one_slot_is_staged ON spot.slots (state) WHERE state = 'staged';
CREATE INDEX slots_present ON spot.slots (slot) WHERE state = 'present';

-- Changed only in the transaction that makes a slot present. Locked first in every transaction that touches slots or changes.
CREATE TABLE spot.rotation (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    capacity_index integer NOT NULL DEFAULT 0,
    account_index  integer NOT NULL DEFAULT 0,
    workload_date  date,
    latest_slot    timestamptz
);
INSERT INTO spot.rotation DEFAULT VALUES;

-- Which account asked which question (a configuration: capacity, type, regions). A question stays with its account; the number in 24 h is what the account's quota limits.
CREATE TABLE spot.quota_ledger (
    configuration text PRIMARY KEY,
    account       text NOT NULL,
    last_used_at  timestamptz NOT NULL
);
CREATE INDEX quota_by_use ON spot.quota_ledger (last_used_at);

CREATE TABLE spot.workloads (
    date       date PRIMARY KEY,
    file       text NOT NULL,
    queries    integer NOT NULL,
    bound      integer NOT NULL,                 -- no packing has fewer
    zones      integer NOT NULL,
    regions    text[] NOT NULL,
    unknown    text[] NOT NULL,                  -- regions whose offerings are those of the day before
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The market as of any moment.
CREATE FUNCTION spot.market_as_of(moment timestamptz)
RETURNS TABLE (instance_type text, region text, zone text, score smallint, t3 smallint, t2 smallint, interruption real, spot_price double precision, on_demand_price double precision, since timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT k.instance_type, k.region, k.zone, c.score, c.t3, c.t2, c.interruption, c.spot_price, c.on_demand_price, c.at
    FROM spot.market_keys k
    CROSS JOIN LATERAL (SELECT * FROM spot.spot_changes s WHERE s.key_id = k.key_id AND s.at <= moment ORDER BY s.at DESC LIMIT 1) c
    WHERE NOT c.ceased
$$;
