-- Results of the daily pothole run: impacts by road segment and day, and which steps of a day are done.
CREATE SCHEMA IF NOT EXISTS pothole;

CREATE TABLE pothole.pothole_segments (
    s_id         text NOT NULL,
    date         date NOT NULL,
    centroid_lon double precision NOT NULL,
    centroid_lat double precision NOT NULL,
    impact_count bigint NOT NULL,
    total_count  bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (s_id, date),
    CONSTRAINT segment_has_a_name CHECK (s_id <> ''),
    CONSTRAINT counts_are_not_negative CHECK (impact_count >= 0 AND total_count >= 0)
) PARTITION BY RANGE (date);
COMMENT ON TABLE pothole.pothole_segments IS 'Rows of one day and segment: impact_count suspected potholes among total_count measurements. A partition a month, made when its first day is loaded.';
CREATE INDEX pothole_segments_by_day ON pothole.pothole_segments (date);

CREATE TABLE pothole.steps (
    date        date NOT NULL,
    step        text NOT NULL,
    run_id      text NOT NULL,
    fingerprint text NOT NULL,
    rows        bigint NOT NULL,
    detail      text NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, step)
);
COMMENT ON TABLE pothole.steps IS 'Steps of a day that are done. fingerprint: input, code and arguments they were done with; another one makes them stale.';

CREATE VIEW pothole.heatmap AS
SELECT s_id, centroid_lon, centroid_lat, date, impact_count, total_count, round(100.0 * impact_count / NULLIF(total_count, 0), 2) AS risk_rate
FROM pothole.pothole_segments WHERE date = (SELECT max(date) FROM pothole.pothole_segments);

CREATE VIEW pothole.weekly_stats AS
SELECT s_id, min(centroid_lon) AS centroid_lon, min(centroid_lat) AS centroid_lat, count(*) AS days, sum(impact_count) AS impact_count, sum(total_count) AS total_count,
       round(100.0 * sum(impact_count) / NULLIF(sum(total_count), 0), 2) AS risk_rate
FROM pothole.pothole_segments WHERE date > (SELECT max(date) FROM pothole.pothole_segments) - 7
GROUP BY s_id;
