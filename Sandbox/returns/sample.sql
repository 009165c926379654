-- A source for the returns pipeline on a desk: the upstream tables, and rows in which the returns can be learned from the embeddings.

CREATE TABLE IF NOT EXISTS ai_outputs (
    base_ts     timestamptz PRIMARY KEY,
    text_type_a text,
    text_type_b text,
    embedding_a jsonb,
    embedding_b jsonb
);
CREATE TABLE IF NOT EXISTS simulations_10m (
    ts                     timestamptz PRIMARY KEY,
    trend_return_pct       double precision,
    mean_revert_return_pct double precision,
    breakout_return_pct    double precision,
    scalper_return_pct     double precision,
    long_hold_return_pct   double precision,
    short_hold_return_pct  double precision
);

-- Writes rows ten minutes apart up to newest. The same arguments give the same rows. As upstream: trend is always 0, short is long with its sign turned.
-- The returns are a fixed linear function of the embedding plus noise of 0.05 per cent: a model can explain some nine tenths of them.
CREATE OR REPLACE FUNCTION returns_sample(wanted integer, seed double precision, newest timestamptz, with_outcomes boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(seed);
    CREATE TEMP TABLE drawn ON COMMIT DROP AS
        SELECT newest - (wanted - row) * interval '10 minutes' AS base_ts, i, random() * 2 - 1 AS x FROM generate_series(1, wanted) AS row, generate_series(0, 511) AS i;
    CREATE TEMP TABLE scaled ON COMMIT DROP AS
        SELECT base_ts, i, x / sqrt(sum(x * x) OVER (PARTITION BY base_ts, i / 256)) AS x FROM drawn;
    INSERT INTO ai_outputs (base_ts, text_type_a, text_type_b, embedding_a, embedding_b)
        SELECT base_ts, 'sample', 'sample', jsonb_agg(x ORDER BY i) FILTER (WHERE i < 256), jsonb_agg(x ORDER BY i) FILTER (WHERE i >= 256) FROM scaled GROUP BY base_ts
        ON CONFLICT (base_ts) DO NOTHING;
    IF with_outcomes THEN
        INSERT INTO simulations_10m
            SELECT ts, 0, revert, breakout, scalper, held, -held FROM (
                SELECT base_ts + interval '10 minutes' AS ts, 0.3 * sum(x * sin(i * 1.7 + 1)) + 0.05 * (random() - 0.5) AS revert,
                       0.3 * sum(x * sin(i * 2.9 + 2)) + 0.05 * (random() - 0.5) AS breakout, 0.3 * sum(x * sin(i * 0.7 + 3)) + 0.05 * (random() - 0.5) AS scalper,
                       0.3 * sum(x * sin(i * 1.1 + 4)) + 0.05 * (random() - 0.5) AS held
                FROM scaled GROUP BY base_ts ORDER BY base_ts) AS simulated
            ON CONFLICT (ts) DO NOTHING;
    END IF;
    DROP TABLE drawn;
    DROP TABLE scaled;
END $$;
