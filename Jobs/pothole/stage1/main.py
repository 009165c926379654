"""Stage 1: scores every usable sensor row of a day against its own trip and marks the potholes.

spark-submit stage1/main.py --batch-date D --input s3a://B/raw-sensor-data/dt=D/ --output s3a://B/.../ [--speed-bumps CSV] [--config FILE] [--SETTING VALUE]

Writes Parquet (timestamp long, epoch ms; lon, lat double, degrees; impact_score double, in standard deviations; is_pothole int) in the order of
its columns, then _metrics.json, then _SUCCESS. Replaces what OUTPUT holds, so it may run again; two at once on one OUTPUT would mix.
Exit codes: 0 done, 2 bad option or configuration, 3 no input, 1 anything else; the last line on stderr is the reason.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from potholejob import job, tables  # noqa: E402
from potholejob.job import Choice, Day, Number, Url  # noqa: E402

SETTINGS = {
    "velocity_threshold_kmh": Number(0.0, 300.0),
    "hdop_threshold": Number(0.0, 100.0),
    "min_satellites": Number(0, 100),
    "weight_accel_z": Number(0.0, 10.0),
    "weight_gyro_y": Number(0.0, 10.0),
    "score_threshold": Number(0.0, 1000.0),
    "z_score": Choice("classic", "robust"),
    "speed_bump_margin_m": Number(0.0, 1000.0),
    "rows_per_file": Number(1, 1_000_000_000),
    "max_files": Number(1, 1000),
}
RAW_COLUMNS = ["timestamp", "trip_id", "accel_z", "gyro_y", "velocity", "lon", "lat", "hdop", "satellites"]
BUMP_COLUMNS = {"WGS84경도": "lon", "WGS84위도": "lat", "과속방지턱연장": "length_cm"}
ORDER = ["timestamp", "lon", "lat", "impact_score", "is_pothole"]


def read(words):
    arguments = job.read_arguments(
        words, {"batch_date": Day(), "input": Url(), "output": Url()}, {"speed_bumps": Url()}, SETTINGS, HERE / "config.json")
    job.check_partition(arguments)
    return arguments


def work(spark, arguments):
    sql = HERE / "stage1.sql"
    start, end = job.day_bounds_ms(arguments.batch_date)
    values = {**vars(arguments), "day_start_ms": start, "day_end_ms": end}

    tables.read_parquet(spark, arguments.input, "raw", RAW_COLUMNS, finished=False)
    tables.views(spark, sql, ["checked"], values)
    fates = {found.fate: found.rows for found in spark.sql("SELECT fate, count(*) AS rows FROM checked GROUP BY fate").collect()}
    if not fates:
        raise job.NoInput(f"the Parquet files in {arguments.input} hold no row")

    tables.views(spark, sql, ["kept", "medians", "trips.robust"] if arguments.z_score == "robust" else ["kept", "trips.classic"], values)
    tables.views(spark, sql, ["scored"], values)
    bumps_read = read_bumps(spark, sql, arguments, values)
    extent = tables.row(spark, "SELECT max(abs(lat)) AS lat, max(reach_m) AS reach, count(*) AS bumps FROM bumps")
    values.update(tables.grid(extent["lat"] or 0.0, max(extent["reach"] or 0.0, 1.0)))
    tables.views(spark, sql, ["on_bumps", "anomalies"], values)

    counts = tables.row(
        spark,
        "SELECT count(*) AS scored, coalesce(sum(is_pothole), 0) AS potholes, max(impact_score) AS max_score, "
        "coalesce(sum(CASE WHEN impact_score > :score_threshold THEN 1 ELSE 0 END), 0) AS suspects FROM anomalies",
        score_threshold=arguments.score_threshold)
    trips = tables.row(spark, "SELECT count(*) AS trips FROM trips")["trips"]
    if counts["scored"] != fates.get("kept", 0):
        raise job.BadData(f"{fates.get('kept', 0)} rows were kept but {counts['scored']} scored")
    files = tables.write_parquet(spark.sql("SELECT * FROM anomalies"), arguments.output, ORDER, counts["scored"], arguments.rows_per_file, arguments.max_files)
    tables.finish(spark, arguments.output, {
        "stage": "stage1",
        "batch_date": arguments.batch_date,
        "rows_in": sum(fates.values()),
        "rows_invalid": fates.get("invalid", 0),
        "rows_wrong_day": fates.get("wrong_day", 0),
        "rows_filtered": fates.get("filtered", 0),
        "rows_out": counts["scored"],
        "trips": trips,
        "anomalies": int(counts["potholes"]),
        "suspects_on_speed_bumps": int(counts["suspects"]) - int(counts["potholes"]),
        "max_score": counts["max_score"],
        "speed_bumps": extent["bumps"],
        "speed_bumps_invalid": bumps_read - extent["bumps"],
        "files": files,
        "settings": {name: getattr(arguments, name) for name in SETTINGS},
    })


def read_bumps(spark, sql, arguments, values):
    """Creates the view of speed bumps; returns how many rows their file has."""
    if arguments.speed_bumps is None:
        tables.views(spark, sql, ["bumps.none"], values)
        return 0
    tables.read_csv(spark, arguments.speed_bumps, "bump_file", BUMP_COLUMNS)
    tables.views(spark, sql, ["bumps"], values)
    return tables.row(spark, "SELECT count(*) AS rows FROM bump_file")["rows"]


if __name__ == "__main__":
    job.main("stage1", read, work)
