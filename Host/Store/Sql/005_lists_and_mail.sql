-- Lists newest first, a page at a time: the place in the list is time and id together.
CREATE INDEX instances_newest ON instances (created_at, instance_id);
DROP INDEX instances_created;

-- Mail for what a host holds: of thousands of instances held, the few that have some.
CREATE INDEX instances_held_with_mail ON instances (owner) WHERE owner IS NOT NULL AND sent > handled;

-- By status, so that a list of the running does not read thousands of suspended ones.
DROP INDEX instances_open;
CREATE INDEX instances_open ON instances (status, instance_id) WHERE status IN (0, 6, 7);
