-- Stage 1: from sensor rows to impact scores. One SELECT a view, in the subset that Spark SQL (3.5+) and DuckDB share:
-- exponents make a literal DOUBLE in both, :names are bound, abs(x) <= bound is false for NaN and infinity in both.

-- view: checked (cached)
-- Every row of the partition with its fate. The day is Korean: rows of another day belong to that day's partition.
SELECT r.trip_id, r.timestamp, r.lon, r.lat, r.accel_z, r.gyro_y,
    CASE
        WHEN NOT coalesce(
            r.trip_id <> '' AND r.timestamp IS NOT NULL AND abs(r.lon) <= 180E0 AND abs(r.lat) <= 90E0
            AND abs(r.accel_z) <= 1E3 AND abs(r.gyro_y) <= 1E5 AND abs(r.velocity) <= 1E4, FALSE) THEN 'invalid'
        WHEN r.timestamp < :day_start_ms OR r.timestamp >= :day_end_ms THEN 'wrong_day'
        WHEN r.velocity > :velocity_threshold_kmh AND r.hdop <= :hdop_threshold AND r.satellites >= :min_satellites THEN 'kept'
        ELSE 'filtered'
    END AS fate
FROM raw AS r

-- view: kept
SELECT trip_id, timestamp, lon, lat, accel_z, gyro_y FROM checked WHERE fate = 'kept'

-- view: trips.classic
-- Centre and spread of whole trips, wherever their rows lie: mean and sample standard deviation (null for one row).
SELECT trip_id, avg(accel_z) AS accel_z_centre, stddev_samp(accel_z) AS accel_z_spread, avg(gyro_y) AS gyro_y_centre, stddev_samp(gyro_y) AS gyro_y_spread
FROM kept
GROUP BY trip_id

-- view: medians
SELECT trip_id, median(accel_z) AS accel_z_centre, median(gyro_y) AS gyro_y_centre FROM kept GROUP BY trip_id

-- view: trips.robust
-- Median and median absolute deviation × 1.4826 (the standard deviation of a normal distribution): potholes do not hide themselves.
SELECT k.trip_id, m.accel_z_centre, 1.4826E0 * median(abs(k.accel_z - m.accel_z_centre)) AS accel_z_spread,
    m.gyro_y_centre, 1.4826E0 * median(abs(k.gyro_y - m.gyro_y_centre)) AS gyro_y_spread
FROM kept AS k
JOIN medians AS m ON k.trip_id = m.trip_id
GROUP BY k.trip_id, m.accel_z_centre, m.gyro_y_centre

-- view: scored
-- z is 0 where the spread is 0 or unknown. Nine decimals: the order in which a cluster adds numbers shows only beyond them.
SELECT k.timestamp, k.lon, k.lat,
    round(
        :weight_accel_z * CASE WHEN t.accel_z_spread > 0E0 THEN abs((k.accel_z - t.accel_z_centre) / t.accel_z_spread) ELSE 0E0 END
        + :weight_gyro_y * CASE WHEN t.gyro_y_spread > 0E0 THEN abs((k.gyro_y - t.gyro_y_centre) / t.gyro_y_spread) ELSE 0E0 END, 9) AS impact_score
FROM kept AS k
JOIN trips AS t ON k.trip_id = t.trip_id

-- view: bumps
-- Speed bumps with their reach in metres: half the length of the bump, given in cm, and the margin.
SELECT lon, lat, length_cm / 200E0 + :speed_bump_margin_m AS reach_m,
    111132.92E0 - 559.82E0 * cos(2E0 * radians(lat)) + 1.175E0 * cos(4E0 * radians(lat)) - 0.0023E0 * cos(6E0 * radians(lat)) AS metres_per_lat,
    111412.84E0 * cos(radians(lat)) - 93.5E0 * cos(3E0 * radians(lat)) + 0.118E0 * cos(5E0 * radians(lat)) AS metres_per_lon
FROM (SELECT TRY_CAST(lon AS DOUBLE) AS lon, TRY_CAST(lat AS DOUBLE) AS lat, TRY_CAST(length_cm AS DOUBLE) AS length_cm FROM bump_file) AS b
WHERE abs(lon) <= 180E0 AND abs(lat) <= 90E0 AND length_cm >= 0E0 AND length_cm <= 1E6

-- view: bumps.none
SELECT 0E0 AS lon, 0E0 AS lat, 0E0 AS reach_m, 0E0 AS metres_per_lat, 0E0 AS metres_per_lon WHERE 1 = 0

-- view: on_bumps
-- Places of suspects on a bump, each once: the join below adds no row and takes none.
SELECT DISTINCT s.lon, s.lat
FROM (
    SELECT DISTINCT lon, lat, CAST(floor(lon / :cell_lon) AS BIGINT) AS cell_x, CAST(floor(lat / :cell_lat) AS BIGINT) AS cell_y
    FROM scored
    WHERE impact_score > :score_threshold
) AS s
JOIN (
    SELECT b.*, CAST(floor(b.lon / :cell_lon) AS BIGINT) + x.step AS cell_x, CAST(floor(b.lat / :cell_lat) AS BIGINT) + y.step AS cell_y
    FROM bumps AS b
    CROSS JOIN (VALUES (-1), (0), (1)) AS x(step)
    CROSS JOIN (VALUES (-1), (0), (1)) AS y(step)
) AS c ON s.cell_x = c.cell_x AND s.cell_y = c.cell_y
WHERE sqrt((s.lon - c.lon) * c.metres_per_lon * (s.lon - c.lon) * c.metres_per_lon
    + (s.lat - c.lat) * c.metres_per_lat * (s.lat - c.lat) * c.metres_per_lat) <= c.reach_m

-- view: anomalies (cached)
-- Strictly above the threshold. A suspect on a speed bump keeps its score.
SELECT s.timestamp, s.lon, s.lat, s.impact_score,
    CAST(CASE WHEN s.impact_score > :score_threshold AND b.lon IS NULL THEN 1 ELSE 0 END AS INT) AS is_pothole
FROM scored AS s
LEFT JOIN on_bumps AS b ON s.lon = b.lon AND s.lat = b.lat
