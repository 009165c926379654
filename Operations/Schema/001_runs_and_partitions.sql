-- What every pipeline records: runs, the partitions they fill, gates, messages to people.

CREATE TABLE operations.runs (
    run_id       text PRIMARY KEY,               -- <instance id>/<start, UTC>: one instance id may run again later
    instance_id  text NOT NULL,
    kind         text NOT NULL,                  -- hazard, probability, annual, pothole, ...
    parameters   jsonb NOT NULL,
    code_version text NOT NULL,
    plan_hash    text,
    state        text NOT NULL DEFAULT 'running',
    total        integer NOT NULL DEFAULT 0,     -- partitions
    completed    integer NOT NULL DEFAULT 0,
    failed       integer NOT NULL DEFAULT 0,
    rows_written bigint NOT NULL DEFAULT 0,
    statistics   jsonb,
    error        text,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CONSTRAINT run_state_is_known CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT finished_run_has_an_end CHECK ((state = 'running') = (finished_at IS NULL))
);
CREATE INDEX runs_by_kind ON operations.runs (kind, started_at DESC);
CREATE INDEX runs_by_instance ON operations.runs (instance_id, started_at DESC);

-- One row for each partition that was ever wanted. present = its data is in place; failed = the last try failed (older data, if any, stays).
CREATE TABLE operations.partitions (
    kind          text NOT NULL,
    key           text NOT NULL,                 -- SSP245/2050, SSP245/tile-3, 2026-11-21
    state         text NOT NULL,
    fingerprint   text NOT NULL DEFAULT '',      -- of what went in; another one makes the partition stale
    run_id        text,
    rows_written  bigint NOT NULL DEFAULT 0,
    fallbacks     bigint NOT NULL DEFAULT 0,
    attempts      integer NOT NULL DEFAULT 0,
    error         text,
    duration_ms   integer NOT NULL DEFAULT 0,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    claimed_by    text,                          -- run that works on it
    claimed_until timestamptz,                   -- on the database clock; extended as the run goes on
    PRIMARY KEY (kind, key),
    CONSTRAINT partition_state_is_known CHECK (state IN ('missing', 'present', 'failed')),
    CONSTRAINT failed_partition_says_why CHECK (state <> 'failed' OR error IS NOT NULL),
    CONSTRAINT claim_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
);
CREATE INDEX partitions_by_claim ON operations.partitions (claimed_by) WHERE claimed_by IS NOT NULL;

CREATE TABLE operations.gates (
    run_id      text NOT NULL,
    gate        text NOT NULL,                   -- fallback_share, probability_sum, row_count, ...
    subject     text NOT NULL,                   -- partition or table it looked at
    measured    double precision NOT NULL,
    lower_limit double precision,
    upper_limit double precision,
    passed      boolean NOT NULL,
    checked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, gate, subject)
);

-- Outbox: a message is committed with what it reports and delivered later, once.
CREATE TABLE operations.notifications (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedupe_key   text NOT NULL UNIQUE,           -- run and event: telling twice is telling once
    event        text NOT NULL,                  -- failed, recovered, completed, deadline_missed, gate_failed, cost_guard
    subject      text NOT NULL,
    body         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    last_error   text
);
CREATE INDEX notifications_due ON operations.notifications (next_try_at) WHERE delivered_at IS NULL;
