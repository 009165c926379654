-- The model benchmark: results, the registry of models, and what the tracking server was told.

CREATE TABLE benchmark.results (
    run_id            text NOT NULL,                 -- of the suite, in operations.runs
    model             text NOT NULL,
    instance_id       text NOT NULL,                 -- orchestration that answers for it
    state             text NOT NULL DEFAULT 'Running',
    reason            text,                          -- why it did not pass
    framework         text NOT NULL,
    framework_version text,
    data_set          text,
    data_hash         text,
    fingerprint       text NOT NULL,                 -- of definition, data, code and options
    job_name          text,
    parameters        jsonb NOT NULL DEFAULT '{}',
    least_accuracy    double precision NOT NULL,
    accuracy          double precision,
    precision_score   double precision,
    recall_score      double precision,
    f1_score          double precision,
    test_loss         double precision,
    train_seconds     double precision,
    billed_seconds    integer,
    cost_usd          numeric(14, 4),
    peak_memory_mb    bigint,
    model_uri         text,
    model_sha256      text,
    model_bytes       bigint,
    best_epoch        integer,
    convergence       text,
    curve             jsonb NOT NULL DEFAULT '[]',
    confusion         jsonb NOT NULL DEFAULT '[]',
    started_at        timestamptz NOT NULL DEFAULT now(),
    finished_at       timestamptz,
    PRIMARY KEY (run_id, model),
    CONSTRAINT result_state_is_known CHECK (state IN ('Running', 'Passed', 'GateFailed', 'Failed', 'NotRun', 'Cancelled')),
    CONSTRAINT finished_result_has_an_end CHECK ((state = 'Running') = (finished_at IS NULL)),
    CONSTRAINT unpassed_result_says_why CHECK (state IN ('Running', 'Passed') OR reason IS NOT NULL),
    CONSTRAINT shares_go_from_0_to_1 CHECK (accuracy BETWEEN 0 AND 1 AND precision_score BETWEEN 0 AND 1 AND recall_score BETWEEN 0 AND 1 AND f1_score BETWEEN 0 AND 1)
);
CREATE INDEX results_by_model ON benchmark.results (model, started_at DESC);

CREATE TABLE benchmark.versions (
    model          text NOT NULL,
    version        integer NOT NULL,
    run_id         text NOT NULL,
    accuracy       double precision NOT NULL,
    model_uri      text NOT NULL,
    model_sha256   text NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT now(),
    mlflow_version text,                             -- null until the tracking server has it
    PRIMARY KEY (model, version),
    CONSTRAINT a_run_registers_once UNIQUE (model, run_id),
    FOREIGN KEY (run_id, model) REFERENCES benchmark.results
);

-- Every move of an alias; the newest of a model is where it points.
CREATE TABLE benchmark.alias_moves (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model        text NOT NULL,
    alias        text NOT NULL,
    version      integer NOT NULL,
    from_version integer,
    reason       text NOT NULL,                      -- the run whose gate passed, or who rolled back and why
    moved_at     timestamptz NOT NULL DEFAULT now(),
    sent_at      timestamptz,                        -- the tracking server was told
    FOREIGN KEY (model, version) REFERENCES benchmark.versions
);
CREATE INDEX alias_moves_newest ON benchmark.alias_moves (model, alias, id DESC);

-- What the tracking server knows of a result. pending: it was not told yet.
CREATE TABLE benchmark.tracked (
    run_id        text NOT NULL,
    model         text NOT NULL,
    mlflow_run_id text,
    state         text NOT NULL DEFAULT 'pending',
    sent_at       timestamptz,
    error         text,
    PRIMARY KEY (run_id, model),
    CONSTRAINT tracked_state_is_known CHECK (state IN ('pending', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED')),
    CONSTRAINT told_run_has_an_id CHECK (state = 'pending' OR mlflow_run_id IS NOT NULL),
    FOREIGN KEY (run_id, model) REFERENCES benchmark.results
);
CREATE INDEX tracked_open ON benchmark.tracked (run_id) WHERE sent_at IS NULL;

CREATE TABLE benchmark.reports (
    run_id     text PRIMARY KEY,
    verdict    text NOT NULL,
    report     jsonb NOT NULL,
    markdown   text NOT NULL,
    chart      text NOT NULL,                        -- SVG
    created_at timestamptz NOT NULL DEFAULT now()
);
