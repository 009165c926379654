-- Instances with mail, the oldest execution first: by id, an instance would wait behind all that sort before it for as long as more arrive than hosts
-- take.
CREATE INDEX instances_with_mail_by_age ON instances (run_no) WHERE owner IS NULL AND sent > handled;
DROP INDEX instances_with_mail;
