-- A message goes to every channel; each has its own tries. What a message itself kept of that is dropped.

CREATE TABLE operations.notification_deliveries (
    notification_id bigint NOT NULL REFERENCES operations.notifications ON DELETE CASCADE,
    channel         text NOT NULL,               -- slack, webhook, mail
    attempts        integer NOT NULL DEFAULT 0,
    tried_at        timestamptz,
    next_try_at     timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    last_error      text,
    PRIMARY KEY (notification_id, channel)
);
CREATE INDEX deliveries_due ON operations.notification_deliveries (channel, next_try_at) WHERE delivered_at IS NULL;
CREATE INDEX deliveries_tried ON operations.notification_deliveries (channel, tried_at);

INSERT INTO operations.notification_deliveries (notification_id, channel, attempts, delivered_at) SELECT id, 'slack', attempts, delivered_at FROM operations.notifications WHERE attempts > 0;
DROP INDEX operations.notifications_due;
ALTER TABLE operations.notifications DROP COLUMN attempts, DROP COLUMN next_try_at, DROP COLUMN delivered_at, DROP COLUMN last_error;
CREATE INDEX notifications_by_age ON operations.notifications (created_at);
