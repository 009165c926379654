-- The whole training set, row by row as it was read, and what models were made of it.

CREATE TABLE returns.embeddings (
    base_ts  timestamptz PRIMARY KEY,
    features bytea NOT NULL,                         -- 512 float32, little-endian
    read_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT features_are_512_numbers CHECK (octet_length(features) = 2048)
);
ALTER TABLE returns.embeddings ALTER COLUMN features SET STORAGE PLAIN; -- in the row: read in one piece, and it does not compress

CREATE TABLE returns.outcomes (
    ts      timestamptz PRIMARY KEY,
    targets double precision[] NOT NULL,             -- per cent, in the order of the model's outputs
    read_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT targets_are_six CHECK (cardinality(targets) = 6)
);

-- Source rows that could not be used, by run, table and reason.
CREATE TABLE returns.rejects (
    run_id       text NOT NULL,
    source_table text NOT NULL,
    reason       text NOT NULL,
    rows         bigint NOT NULL,
    example      text NOT NULL,                      -- key of the first
    PRIMARY KEY (run_id, source_table, reason)
);

CREATE TABLE returns.models (
    version      text PRIMARY KEY,                   -- time of the run that trained it
    run_id       text NOT NULL,
    job_name     text NOT NULL,
    train_uri    text NOT NULL,
    artifact_uri text NOT NULL,                      -- where the job left it
    model_uri    text,                               -- where it was published; null: it was not
    sha256       text NOT NULL,                      -- of model.tar.gz
    verdict      text NOT NULL,
    judgement    jsonb NOT NULL,
    judged_at    timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    CONSTRAINT verdict_is_known CHECK (verdict IN ('accepted', 'refused')),
    CONSTRAINT published_model_was_accepted CHECK (published_at IS NULL OR (verdict = 'accepted' AND model_uri IS NOT NULL))
);
CREATE INDEX models_published ON returns.models (published_at DESC) WHERE published_at IS NOT NULL;

-- Every move of the pointer to the served model.
CREATE TABLE returns.pointer_moves (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    moved_at     timestamptz NOT NULL DEFAULT now(),
    from_version text,
    to_version   text NOT NULL,
    reason       text NOT NULL,
    CONSTRAINT reason_is_known CHECK (reason IN ('publish', 'rollback'))
);

CREATE TABLE returns.predictions (
    base_ts   timestamptz NOT NULL,
    version   text NOT NULL,
    target_ts timestamptz NOT NULL,
    predicted real[] NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    actual    double precision[],
    mse       double precision,
    scored_at timestamptz,
    PRIMARY KEY (base_ts, version),
    CONSTRAINT predicted_are_six CHECK (cardinality(predicted) = 6),
    CONSTRAINT score_is_whole CHECK ((actual IS NULL) = (mse IS NULL) AND (mse IS NULL) = (scored_at IS NULL))
);
CREATE INDEX predictions_unscored ON returns.predictions (target_ts) WHERE scored_at IS NULL;

-- Ticks of the two timers: what each led to, and why.
CREATE TABLE returns.ticks (
    timer   text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL,
    detail  text NOT NULL,
    CONSTRAINT outcome_is_known CHECK (outcome IN ('started', 'skipped'))
);
CREATE INDEX ticks_by_time ON returns.ticks (at DESC);

-- Jobs that ended well: a run that ended before its model was judged is followed by one that judges it, and pays for no other.
CREATE TABLE returns.trainings (
    fingerprint  text PRIMARY KEY,                   -- rows, code and what shapes the network
    version      text NOT NULL,
    job_name     text NOT NULL,
    artifact_uri text NOT NULL,
    trained_at   timestamptz NOT NULL DEFAULT now()
);
