-- What retention and lists look for, without reading the many instances that completed: the oldest ends, the failed, the ones that have not ended.
CREATE INDEX instances_ended ON instances (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX instances_failed ON instances (instance_id) WHERE status = 3;
CREATE INDEX instances_open ON instances (instance_id) WHERE status IN (0, 6, 7);
