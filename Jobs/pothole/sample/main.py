"""Sample data: a road cut into segments and a day of sensor rows of vehicles on it. The same seed gives the same rows everywhere.

spark-submit --master 'local[*]' sample/main.py --roads-output URL [--seed 1] [--segments 3535]
spark-submit --master 'local[*]' sample/main.py --batch-date D --output URL/raw-sensor-data/dt=D/ [--trips 200] [--vehicles 100] [--seed 1] [--segments 3535]

The road (s_id, link_id, start_lon, start_lat, end_lon, end_lat) is synthetic: a wandering line inside the box of provincial road 863.
One segment in twenty has a pothole, the same ones every day of a seed; its rows show a hit of 5-15 m/s² times 0.5-2 and its decay.
Trips have 10-100 segments (log-normal, median 30) of ten rows at 10 Hz; one of each day begins at 23:59:40 KST and its rows
after midnight lie in the next day's partition, as every row lies in the partition of its own Korean day. Trip ids are unique.
Both outputs may be asked for at once. Exit codes as stage 1.
"""
import datetime
import math
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from potholejob import job, tables  # noqa: E402
from potholejob.job import Day, Number, Url  # noqa: E402

WEST, EAST, SOUTH, NORTH = 127.52, 127.78, 34.50, 35.07
SEGMENT_METRES, LINK_SEGMENTS, ROWS_PER_SEGMENT, ROW_MS = 50.0, 40, 10, 100
POTHOLE_SHARE, BUMP_SHARE, LOST_FIX_SHARE = 0.05, 0.005, 0.01
DEVICES = {"OBD2": (0.3, 0.08, 8e-5), "DTG": (0.5, 0.12, 1.2e-4)}  # noise of acceleration (m/s²), of turning (°/s), of position (°)
RAW_SCHEMA = (
    "timestamp long, trip_id string, vehicle_id string, accel_x double, accel_y double, accel_z double, "
    "gyro_x double, gyro_y double, gyro_z double, velocity double, lon double, lat double, hdop double, satellites int")
SETTINGS = {"seed": Number(0, 2**31), "segments": Number(10, 100_000), "trips": Number(1, 100_000), "vehicles": Number(1, 1000)}


def read(words):
    arguments = job.read_arguments(words, {}, {"batch_date": Day(), "output": Url(), "roads_output": Url()}, SETTINGS, HERE / "config.json")
    if arguments.output is None and arguments.roads_output is None:
        raise job.BadArguments("Missing: --output, --roads-output or both.")
    if arguments.output is not None and arguments.batch_date is None:
        raise job.BadArguments("--output needs --batch-date.")
    return arguments


def work(spark, arguments):
    segments = road(arguments.seed, arguments.segments)
    if arguments.roads_output is not None:
        lines = ["s_id,link_id,start_lon,start_lat,end_lon,end_lat"]
        lines += [f"{s_id},{s_id.split('_')[0]},{a[0]:.6f},{a[1]:.6f},{b[0]:.6f},{b[1]:.6f}" for s_id, a, b, _ in segments]
        tables.Files(spark).write_text(arguments.roads_output, "\n".join(lines) + "\n")
        print(f"{len(segments)} road segments in {arguments.roads_output}")
    if arguments.output is not None:
        rows = day_rows(arguments, segments)
        frame = spark.createDataFrame(rows, schema=RAW_SCHEMA)
        files = tables.write_parquet(frame, arguments.output, ["trip_id", "timestamp"], len(rows), 200_000, 25)
        tables.Files(spark).write_text(arguments.output.rstrip("/") + "/_SUCCESS", "")
        print(f"{len(rows)} rows of {len({row[1] for row in rows})} trips in {arguments.output}, {files} file(s)")


def road(seed, count):
    """Segments as (s_id, start, end, has a pothole), degrees. A link is 2 km in pieces of 50 m, the last of each shorter."""
    rng = random.Random(f"road {seed}")
    here, heading = ((WEST + EAST) / 2, SOUTH + 0.01), 90.0
    segments = []
    while len(segments) < count:
        link = 2_630_000_000 + len(segments) // LINK_SEGMENTS
        last = len(segments) % LINK_SEGMENTS == LINK_SEGMENTS - 1
        length = rng.uniform(5, SEGMENT_METRES) if last else SEGMENT_METRES
        heading += rng.gauss(0, 6)
        north, east = tables.metres_per_degree(here[1])
        there = step(here, heading, length, north, east)
        while not (WEST < there[0] < EAST and SOUTH < there[1] < NORTH):
            heading += 15
            there = step(here, heading, length, north, east)
        segments.append((f"{link}_{len(segments) % LINK_SEGMENTS:04d}", here, there, rng.random() < POTHOLE_SHARE))
        here = there
    return segments


def step(here, heading, length, north, east):
    return (
        round(here[0] + length * math.cos(math.radians(heading)) / east, 6),
        round(here[1] + length * math.sin(math.radians(heading)) / north, 6))


def day_rows(arguments, segments):
    """Rows whose Korean day is the batch date: of the day's trips, and of the day before's that drove past midnight."""
    day = datetime.date.fromisoformat(arguments.batch_date)
    start, end = job.day_bounds_ms(arguments.batch_date)
    rows = [row for before in (1, 0) for row in trips_of(day - datetime.timedelta(days=before), arguments, segments)]
    return sorted((row for row in rows if start <= row[0] < end), key=lambda row: (row[1], row[0]))


def trips_of(day, arguments, segments):
    """Rows of the trips that start on a day."""
    start, _ = job.day_bounds_ms(day.isoformat())
    rng = random.Random(f"trips {arguments.seed} {day}")
    for trip in range(arguments.trips):
        vehicle = trip % arguments.vehicles
        late = trip == arguments.trips - 1
        length = 40 if late else min(100, max(10, round(rng.lognormvariate(math.log(30), 0.5))))  # 40 s cross midnight
        begin = start + (86_380_000 if late else rng.randrange(5 * 3_600_000, 22 * 3_600_000, ROW_MS))
        trip_id = f"TRIP-{day:%Y%m%d}-v{vehicle:03d}-{trip // arguments.vehicles:04d}"
        first = rng.randrange(max(1, len(segments) - length))
        passed = segments[first:first + length]
        yield from trip_rows(rng, trip_id, f"V{vehicle:03d}", begin, passed)


def trip_rows(rng, trip_id, vehicle_id, time, passed):
    acceleration, turning, position = DEVICES[rng.choice(sorted(DEVICES))]
    speed, shake = rng.uniform(30, 70), []
    for _, start, end, has_pothole in passed:
        speed = min(90.0, max(0.0, speed + rng.gauss(0, 6)))
        if has_pothole and speed > 10:
            hit = rng.uniform(5, 15) * rng.uniform(0.5, 2)
            shake = [hit, 0.6 * hit] + [hit * 0.3 ** k for k in range(1, rng.randint(2, 3) + 1)]
        for tick in range(ROWS_PER_SEGMENT):
            jolt = rng.choice((-1, 1)) * shake.pop(0) if shake else 0.0
            if rng.random() < BUMP_SHARE:
                jolt += rng.uniform(3, 8)
            lost = rng.random() < LOST_FIX_SHARE
            share = tick / ROWS_PER_SEGMENT
            yield (
                time, trip_id, vehicle_id,
                rng.gauss(0, acceleration), rng.gauss(0, acceleration), 9.81 + rng.gauss(0, 0.5 * acceleration) + jolt,
                rng.gauss(0, turning), rng.gauss(0, turning) + 0.1 * jolt, rng.gauss(0, turning),
                max(0.0, speed + rng.gauss(0, 0.5)),
                start[0] + share * (end[0] - start[0]) + rng.gauss(0, position / 4), start[1] + share * (end[1] - start[1]) + rng.gauss(0, position / 4),
                99.0 if lost else round(rng.uniform(0.6, 2.0), 1), 0 if lost else rng.randint(6, 14))
            time += ROW_MS


if __name__ == "__main__":
    job.main("sample", read, work)
