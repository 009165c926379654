-- Stage 2: from scored rows to road segments. One SELECT a view, in the subset that Spark SQL (3.5+) and DuckDB share.

-- view: segments
-- Road segments by their midpoint. A degree is measured in metres (WGS 84) at each midpoint's own latitude.
SELECT s_id, lon, lat,
    111132.92E0 - 559.82E0 * cos(2E0 * radians(lat)) + 1.175E0 * cos(4E0 * radians(lat)) - 0.0023E0 * cos(6E0 * radians(lat)) AS metres_per_lat,
    111412.84E0 * cos(radians(lat)) - 93.5E0 * cos(3E0 * radians(lat)) + 0.118E0 * cos(5E0 * radians(lat)) AS metres_per_lon
FROM (
    SELECT s_id,
        (TRY_CAST(start_lon AS DOUBLE) + TRY_CAST(end_lon AS DOUBLE)) / 2E0 AS lon,
        (TRY_CAST(start_lat AS DOUBLE) + TRY_CAST(end_lat AS DOUBLE)) / 2E0 AS lat
    FROM road_file
) AS r
WHERE s_id <> '' AND abs(lon) <= 180E0 AND abs(lat) <= 90E0

-- view: places
-- Rows by place: the nearest segment depends on the place alone, so each is searched once.
SELECT lon, lat, CAST(sum(is_pothole) AS BIGINT) AS impact_count, CAST(count(*) AS BIGINT) AS total_count
FROM anomalies
WHERE abs(lon) <= 180E0 AND abs(lat) <= 90E0
GROUP BY lon, lat

-- view: near
-- Every place with the segments within reach of it, through a grid of cells as wide as the reach: 9 cells each, not all segments.
SELECT p.lon, p.lat, p.impact_count, p.total_count, c.s_id,
    sqrt((p.lon - c.lon) * c.metres_per_lon * (p.lon - c.lon) * c.metres_per_lon
        + (p.lat - c.lat) * c.metres_per_lat * (p.lat - c.lat) * c.metres_per_lat) AS distance_m
FROM (
    SELECT *, CAST(floor(lon / :cell_lon) AS BIGINT) AS cell_x, CAST(floor(lat / :cell_lat) AS BIGINT) AS cell_y FROM places
) AS p
JOIN (
    SELECT s.*, CAST(floor(s.lon / :cell_lon) AS BIGINT) + x.step AS cell_x, CAST(floor(s.lat / :cell_lat) AS BIGINT) + y.step AS cell_y
    FROM segments AS s
    CROSS JOIN (VALUES (-1), (0), (1)) AS x(step)
    CROSS JOIN (VALUES (-1), (0), (1)) AS y(step)
) AS c ON p.cell_x = c.cell_x AND p.cell_y = c.cell_y

-- view: nearest (cached)
-- One segment a place: the nearest within the limit, of equally near ones the first by name.
SELECT lon, lat, s_id, impact_count, total_count, distance_m
FROM (
    SELECT n.*, row_number() OVER (PARTITION BY n.lon, n.lat ORDER BY n.distance_m, n.s_id) AS place_rank
    FROM near AS n
    WHERE n.distance_m <= :max_distance_m
) AS ranked
WHERE place_rank = 1

-- view: impacts (cached)
SELECT n.s_id, CAST(:batch_date AS DATE) AS date, n.impact_count, n.total_count, s.lon AS centroid_lon, s.lat AS centroid_lat
FROM (
    SELECT s_id, CAST(sum(impact_count) AS BIGINT) AS impact_count, CAST(sum(total_count) AS BIGINT) AS total_count FROM nearest GROUP BY s_id
) AS n
JOIN segments AS s ON n.s_id = s.s_id
