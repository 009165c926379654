-- Paid machines. A row is committed before the first billed second; only the provider's own word that the machines are off closes it.

CREATE TABLE operations.machine_leases (
    lease_id           text PRIMARY KEY,             -- <run id>#<cluster>
    turn               bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- opening order: who comes first is served first
    kind               text NOT NULL,                -- ec2, ...
    cluster            text NOT NULL,
    run_id             text NOT NULL,
    instance_id        text NOT NULL,                -- orchestration that answers for it
    machine_ids        text[] NOT NULL,
    longest_seconds    integer NOT NULL,
    stops_running      boolean NOT NULL,             -- machines that were on before are ours, too
    state              text NOT NULL DEFAULT 'waiting',
    opened_at          timestamptz NOT NULL DEFAULT now(),
    granted_at         timestamptz,
    deadline           timestamptz,
    start_called_at    timestamptz,
    start_confirmed_at timestamptz,                  -- null after a call: its answer never came, it may still take effect
    stop_called_at     timestamptz,
    closed_at          timestamptz,
    closed_by          text,
    failures           integer NOT NULL DEFAULT 0,   -- of calls to the provider
    error              text,                         -- last failure, or why it was refused
    CONSTRAINT lease_state_is_known CHECK (state IN ('waiting', 'held', 'stopping', 'closed')),
    CONSTRAINT held_lease_has_a_deadline CHECK (state IN ('waiting', 'closed') OR (granted_at IS NOT NULL AND deadline IS NOT NULL)),
    CONSTRAINT closed_lease_is_whole CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT lease_is_closed_by_somebody_known CHECK (closed_by IN ('run', 'reaper', 'guard')),
    CONSTRAINT lease_has_machines CHECK (cardinality(machine_ids) > 0)
);
CREATE UNIQUE INDEX one_owner_per_cluster ON operations.machine_leases (kind, cluster) WHERE state IN ('held', 'stopping');
CREATE INDEX machine_leases_open ON operations.machine_leases (turn) WHERE state <> 'closed';
CREATE INDEX machine_leases_granted ON operations.machine_leases (granted_at) WHERE granted_at IS NOT NULL;

CREATE TABLE operations.leased_machines (
    lease_id         text NOT NULL REFERENCES operations.machine_leases,
    machine_id       text NOT NULL,
    machine_type     text NOT NULL,
    hourly_price_usd numeric(12, 6) NOT NULL,
    state_before     text NOT NULL,                  -- as the provider reported it when the lease was granted
    ours             boolean NOT NULL,               -- it was off before, or the lease owns it anyway: ours to stop
    state            text NOT NULL,                  -- as the provider reported it last
    state_at         timestamptz NOT NULL DEFAULT now(),
    on_since         timestamptz,                    -- billed from here
    off_at           timestamptz,                    -- first seen off after that
    seconds_billed   bigint NOT NULL DEFAULT 0,
    cost_usd         numeric(14, 4) NOT NULL DEFAULT 0,
    PRIMARY KEY (lease_id, machine_id)
);
