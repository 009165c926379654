-- Runs by what people and retention ask for: what runs, the newest, the latest that closed, the oldest closed.
CREATE INDEX runs_running ON operations.runs (started_at) WHERE state = 'running';
CREATE INDEX runs_by_start ON operations.runs (started_at DESC);
CREATE INDEX runs_by_finish ON operations.runs (finished_at DESC) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_by_kind_and_finish ON operations.runs (kind, finished_at DESC) WHERE finished_at IS NOT NULL;
CREATE INDEX partitions_by_run ON operations.partitions (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX plans_by_age ON operations.plans (created_at);

-- The reaper looks every minute: at closed leases of the last hour, and for later leases of an instance.
CREATE INDEX machine_leases_closed ON operations.machine_leases (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX machine_leases_by_instance ON operations.machine_leases (instance_id, turn);
