-- A page of the leases of one cluster, newest first, is found without those of the others.
CREATE INDEX machine_leases_by_cluster ON operations.machine_leases (cluster, turn);
