-- What a gate measured of the same partition in earlier runs: the change against the last run looks it up.
CREATE INDEX gates_by_subject ON operations.gates (gate, subject, checked_at DESC);
