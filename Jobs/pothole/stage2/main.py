"""Stage 2: counts a day's rows and potholes by the nearest road segment.

spark-submit stage2/main.py --batch-date D --input STAGE1_OUTPUT --roads CSV --output s3a://B/.../ [--config FILE] [--SETTING VALUE]

INPUT must have stage 1's _SUCCESS. ROADS has the columns s_id, start_lon, start_lat, end_lon, end_lat (degrees), each s_id once.
Writes Parquet (s_id string, date date, impact_count long, total_count long, centroid_lon, centroid_lat double) by date and s_id,
the same rows as _export/segments.csv, then _metrics.json, then _SUCCESS. Rows farther than max_distance_m (default 100) from every
midpoint belong to no segment and are counted. Replaces what OUTPUT holds. Exit codes as stage 1.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from potholejob import job, tables  # noqa: E402
from potholejob.job import Day, Number, Url  # noqa: E402

SETTINGS = {"max_distance_m": Number(1.0, 10_000.0), "rows_per_file": Number(1, 1_000_000_000), "max_files": Number(1, 1000)}
ROAD_COLUMNS = {name: name for name in ("s_id", "start_lon", "start_lat", "end_lon", "end_lat")}
EXPORT_COLUMNS = ["s_id", "date", "impact_count", "total_count", "centroid_lon", "centroid_lat"]


def read(words):
    arguments = job.read_arguments(
        words, {"batch_date": Day(), "input": Url(), "output": Url(), "roads": Url()}, {}, SETTINGS, HERE / "config.json")
    job.check_partition(arguments)
    return arguments


def work(spark, arguments):
    sql = HERE / "stage2.sql"
    values = dict(vars(arguments))
    tables.read_parquet(spark, arguments.input, "anomalies", ["lon", "lat", "is_pothole"], finished=True)
    roads = read_roads(spark, sql, arguments)
    values.update(tables.grid(roads["lat"], arguments.max_distance_m))
    tables.views(spark, sql, ["places", "near", "nearest", "impacts"], values)

    rows_in = tables.row(spark, "SELECT count(*) AS rows, coalesce(sum(is_pothole), 0) AS potholes FROM anomalies")
    placed = tables.row(spark, "SELECT coalesce(sum(total_count), 0) AS rows FROM places")
    matched = tables.row(
        spark,
        "SELECT coalesce(sum(total_count), 0) AS rows, coalesce(sum(impact_count), 0) AS potholes, max(distance_m) AS farthest FROM nearest")
    impacts = spark.sql("SELECT * FROM impacts ORDER BY date, s_id").collect()
    if sum(found.total_count for found in impacts) != matched["rows"]:
        raise job.BadData("the counts of the segments do not add up to the rows matched")

    files = tables.write_parquet(
        spark.sql("SELECT * FROM impacts"), arguments.output, ["date", "s_id"], len(impacts), arguments.rows_per_file, arguments.max_files)
    lines = [",".join(EXPORT_COLUMNS)] + [",".join(csv_field(found[name]) for name in EXPORT_COLUMNS) for found in impacts]
    tables.Files(spark).write_text(arguments.output.rstrip("/") + "/_export/segments.csv", "\n".join(lines) + "\n")
    tables.finish(spark, arguments.output, {
        "stage": "stage2",
        "batch_date": arguments.batch_date,
        "rows_in": rows_in["rows"],
        "rows_invalid": int(rows_in["rows"]) - int(placed["rows"]),
        "rows_too_far": int(placed["rows"]) - int(matched["rows"]),
        "rows_matched": int(matched["rows"]),
        "rows_out": len(impacts),
        "segments": len(impacts),
        "impacts": int(matched["potholes"]),
        "impacts_unmatched": int(rows_in["potholes"]) - int(matched["potholes"]),
        "farthest_m": matched["farthest"],
        "road_segments": roads["segments"],
        "files": files,
        "settings": {name: getattr(arguments, name) for name in SETTINGS},
    })


def read_roads(spark, sql, arguments):
    """Creates the view of segments. Refuses a road file with an unusable row or a duplicate name: both would falsify counts."""
    tables.read_csv(spark, arguments.roads, "road_file", ROAD_COLUMNS)
    tables.views(spark, sql, ["segments"], {})
    roads = tables.row(
        spark, "SELECT count(*) AS segments, max(abs(lat)) AS lat, (SELECT count(*) FROM road_file) AS rows FROM segments")
    if roads["rows"] == 0:
        raise job.NoInput(f"{arguments.roads} has no segment")
    if roads["segments"] != roads["rows"]:
        raise job.BadData(f"{roads['rows'] - roads['segments']} of {roads['rows']} segments in {arguments.roads} lack a name or coordinates")
    twice = spark.sql("SELECT s_id, count(*) AS times FROM segments GROUP BY s_id HAVING count(*) > 1 ORDER BY s_id LIMIT 3").collect()
    if twice:
        raise job.BadData(f"s_id must be unique in {arguments.roads}: " + ", ".join(f"{found.s_id} is there {found.times} times" for found in twice))
    return roads


def csv_field(value):
    """A field in RFC 4180 form; numbers with all significant digits."""
    text = repr(value) if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


if __name__ == "__main__":
    job.main("stage2", read, work)
