-- Plans that were shown to somebody: applying one by its hash later is refused, with the difference, when the world has moved on.
CREATE TABLE operations.plans (
    hash       text PRIMARY KEY,
    kind       text NOT NULL,
    plan       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
