"""Runs both stages on real recordings and measures what they find. Prints the Markdown in docs/pothole-real-data.md.

spark-submit --master 'local[*]' evaluation/main.py --data DIR --work DIR

DIR of --data holds trips_pittsburgh/ (phone recordings at 5 Hz with the times of labelled potholes) and syracuse/ (streets, and potholes
repaired, with the street that the city gave them). Settings of the stages are those of their config.json: nothing is fitted to these data.
"""
import csv
import datetime
import gzip
import importlib.util
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from potholejob import job, tables  # noqa: E402
from potholejob.job import Number, Url  # noqa: E402

SETTINGS = {"seconds_between_events": Number(0.1, 60.0)}
TRIPS = (1, 2, 3)
WINDOWS_S = (0.5, 1.0, 2.0, 5.0)
THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.0)
STANDARD_GRAVITY = 9.80665
RAW_SCHEMA = (
    "timestamp long, trip_id string, accel_z double, gyro_y double, velocity double, lon double, lat double, hdop double, satellites int")
SEGMENT_METRES = 50.0


def read(words):
    return job.read_arguments(words, {"data": Url(), "work": Url()}, {}, SETTINGS, HERE / "config.json")


def work(spark, arguments):
    data, folder = Path(arguments.data), Path(arguments.work)
    recordings = {trip: read_recording(data / "trips_pittsburgh", trip) for trip in TRIPS}
    labels = {trip: read_labels(data / "trips_pittsburgh", trip) for trip in TRIPS}
    days = sorted({korean_day(rows[0][0]) for rows in recordings.values()})
    for day in days:
        write_raw(spark, folder / f"raw/dt={day}", [row for rows in recordings.values() for row in rows if korean_day(row[0]) == day])

    print("### Labelled potholes of Pittsburgh\n")
    for kind in ("classic", "robust"):
        scored = {}
        for day in days:
            run(spark, "stage1", "--batch-date", day, "--input", f"{folder}/raw/dt={day}", "--output", f"{folder}/{kind}/dt={day}", "--z-score", kind)
            for row in spark.sql("SELECT timestamp, impact_score, is_pothole FROM anomalies ORDER BY timestamp").collect():
                trip = next(trip for trip, rows in recordings.items() if rows[0][0] <= row.timestamp <= rows[-1][0])
                scored.setdefault(trip, []).append((row.timestamp / 1000, row.impact_score, row.is_pothole))
        report_trips(kind, recordings, scored, labels, arguments.seconds_between_events)

    print("### Streets of Syracuse\n")
    report_streets(spark, data / "syracuse", folder, days)


def run(spark, stage, *words):
    """Runs a stage in this session; its views stay, and its metrics are returned."""
    spec = importlib.util.spec_from_file_location(f"pothole_{stage}", HERE.parent / stage / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = module.read(list(words))
    module.work(spark, arguments)
    return json.loads((Path(arguments.output) / "_metrics.json").read_text(encoding="utf-8"))


# Recordings

def read_recording(folder, trip):
    """Rows in the raw schema. The phone stands upright: gravity lies on its Y axis, and it pitches about its X axis.

    There is no record of the fix: every row counts as a good one (hdop 1, 10 satellites).
    """
    with open(folder / f"trip{trip}_sensors.csv", encoding="utf-8") as file:
        return [
            (
                round(float(row["timestamp"]) * 1000), f"trip{trip}",
                -STANDARD_GRAVITY * float(row["accelerometerY"]), math.degrees(float(row["gyroX"])),
                3.6 * float(row["speed"]), float(row["longitude"]), float(row["latitude"]), 1.0, 10)
            for row in csv.DictReader(file)]


def read_labels(folder, trip):
    with open(folder / f"trip{trip}_potholes.csv", encoding="utf-8") as file:
        return sorted(float(row["timestamp"]) for row in csv.DictReader(file))


def korean_day(timestamp_ms):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=timestamp_ms + job.KST_OFFSET_MS)).date().isoformat()


def write_raw(spark, folder, rows):
    tables.write_parquet(spark.createDataFrame(rows, schema=RAW_SCHEMA), str(folder), ["trip_id", "timestamp"], len(rows), 1_000_000, 1)


# Events against labels

def events_of(rows, threshold, gap):
    """Runs of rows above the threshold, no more than GAP seconds apart, as (first, last) in seconds."""
    events = []
    for time, score, _ in rows:
        if score > threshold:
            if events and time - events[-1][1] <= gap:
                events[-1] = (events[-1][0], time)
            else:
                events.append((time, time))
    return events


def matches(events, labels, window):
    """How many labels can be paired with an event of their own within WINDOW seconds of it: the largest number there is.

    Labels in order of time each take the open event that closes first; for intervals and points no other choice does better.
    """
    waiting, found = sorted((first - window, last + window) for first, last in events), 0
    open_events = []
    for label in sorted(labels):
        while waiting and waiting[0][0] <= label:
            open_events.append(waiting.pop(0)[1])
        open_events = sorted(end for end in open_events if end >= label)
        if open_events:
            open_events.pop(0)
            found += 1
    return found


def chance_matches(events, labels, window, first, last):
    """Matches when the labels are shifted around the trip, by every whole second from 10 to 10 less than all: the chance level."""
    length = last - first
    shifts = range(10, int(length) - 9)
    return sum(matches(events, [first + (label - first + shift) % length for label in labels], window) for shift in shifts) / len(shifts)


def report_trips(kind, recordings, scored, labels, gap):
    total_labels = sum(map(len, labels.values()))
    threshold = json.loads((HERE.parent / "stage1" / "config.json").read_text(encoding="utf-8"))["score_threshold"]
    events = {trip: events_of(scored[trip], threshold, gap) for trip in TRIPS}
    span = {trip: (rows[0][0] / 1000, rows[-1][0] / 1000) for trip, rows in recordings.items()}

    print(f"Scores: {kind}, threshold {threshold}\n")
    print("| trip | rows | rows scored | rows marked | events | labels |\n| --- | --- | --- | --- | --- | --- |")
    for trip in TRIPS:
        marked = sum(found for _, _, found in scored[trip])
        print(f"| {trip} | {len(recordings[trip])} | {len(scored[trip])} | {marked} | {len(events[trip])} | {len(labels[trip])} |")

    count = sum(map(len, events.values()))
    print("\n| window | found | precision | recall | F1 | by chance: precision | recall |\n| --- | --- | --- | --- | --- | --- | --- |")
    for window in WINDOWS_S:
        found = sum(matches(events[trip], labels[trip], window) for trip in TRIPS)
        chance = sum(chance_matches(events[trip], labels[trip], window, *span[trip]) for trip in TRIPS)
        print(
            f"| ±{window:g} s | {found} | {found / count:.2f} ({found}/{count}) | {found / total_labels:.2f} ({found}/{total_labels}) "
            f"| {2 * found / (count + total_labels):.2f} | {chance / count:.2f} | {chance / total_labels:.2f} |")

    print("\n| threshold | events | precision ±2 s | recall ±2 s |\n| --- | --- | --- | --- |")
    for other in THRESHOLDS:
        at = {trip: events_of(scored[trip], other, gap) for trip in TRIPS}
        count, found = sum(map(len, at.values())), sum(matches(at[trip], labels[trip], 2.0) for trip in TRIPS)
        print(f"| {other:g} | {count} | {found / count:.2f} | {found / total_labels:.2f} |")
    print()


# Streets

def read_streets(path):
    """Pieces of at most 50 m as (s_id, street, start, end), cut along each line as the original cut its road."""
    pieces = []
    for feature in json.loads(gzip.decompress(path.read_bytes()))["features"]:
        street, line = feature["properties"]["STREET_ID"], feature["geometry"]["coordinates"]
        north, east = tables.metres_per_degree(line[0][1])
        cuts, room = [line[0]], SEGMENT_METRES
        for start, end in zip(line, line[1:]):
            length, done = math.hypot((end[0] - start[0]) * east, (end[1] - start[1]) * north), 0.0
            while length - done > room:
                done += room
                cuts.append([start[0] + done / length * (end[0] - start[0]), start[1] + done / length * (end[1] - start[1])])
                room = SEGMENT_METRES
            room -= length - done
        cuts.append(line[-1])
        pieces += [(f"{street}_{at:04d}", street, *ends) for at, ends in enumerate(zip(cuts, cuts[1:]))]
    return pieces


def report_streets(spark, data, folder, days):
    pieces = read_streets(data / "streets.geojson.gz")
    roads = f"{folder}/roads.csv"
    Path(roads).write_text(
        "s_id,link_id,start_lon,start_lat,end_lon,end_lat\n"
        + "".join(f"{s_id},{street},{a[0]:.6f},{a[1]:.6f},{b[0]:.6f},{b[1]:.6f}\n" for s_id, street, a, b in pieces), encoding="utf-8")
    with gzip.open(data / "potholes.csv.gz", "rt", encoding="utf-8") as file:
        # The file's headers of latitude and longitude are swapped.
        repaired = [(float(row["Latitude"]), float(row["Longitude"]), int(row["STREET_ID"])) for row in csv.DictReader(file)]

    scored = f"{folder}/repaired"
    rows = [(lon, lat, 1) for lon, lat, _ in repaired]
    tables.write_parquet(spark.createDataFrame(rows, schema="lon double, lat double, is_pothole int"), scored, ["lon", "lat"], len(rows), 1_000_000, 1)
    (Path(scored) / "_SUCCESS").write_text("", encoding="utf-8")
    metrics = run(spark, "stage2", "--batch-date", days[0], "--input", scored, "--roads", roads, "--output", f"{folder}/impacts")
    street_of = {s_id: street for s_id, street, _, _ in pieces}
    metric = {(row.lon, row.lat): street_of[row.s_id] for row in spark.sql("SELECT lon, lat, s_id FROM nearest").collect()}
    degrees = {
        (row.lon, row.lat): street_of[row.s_id]
        for row in spark.sql(
            "SELECT p.lon, p.lat, min_by(s.s_id, (p.lon - s.lon) * (p.lon - s.lon) + (p.lat - s.lat) * (p.lat - s.lat)) AS s_id "
            "FROM places AS p CROSS JOIN segments AS s GROUP BY p.lon, p.lat").collect()}

    print(f"{len(pieces)} pieces of at most 50 m; {metrics['rows_in']} repaired potholes, each with the street the city gave it.\n")
    print("| nearest midpoint | placed | too far | on the city's street |\n| --- | --- | --- | --- |")
    for name, placed in (("in metres, at most 100 m (stage 2)", metric), ("in degrees, no limit (the original)", degrees)):
        there = [street == placed[(lon, lat)] for lon, lat, street in repaired if (lon, lat) in placed]
        print(f"| {name} | {len(there)} | {len(repaired) - len(there)} | {sum(there)} ({sum(there) / len(there):.3f}) |")

    print("\nThe Pittsburgh recordings against these streets, 400 km away:\n")
    print("| day | rows | too far | segments |\n| --- | --- | --- | --- |")
    for day in days:
        far = run(
            spark, "stage2", "--batch-date", day, "--input", f"{folder}/classic/dt={day}", "--roads", roads, "--output", f"{folder}/stage2/dt={day}")
        print(f"| {day} | {far['rows_in']} | {far['rows_too_far']} | {far['segments']} |")


if __name__ == "__main__":
    job.main("evaluation", read, work)
