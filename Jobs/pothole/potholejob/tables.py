"""SQL files, results and their files. The SQL is the subset that Spark SQL and DuckDB share; values are bound, never spliced."""
import json
import math
import re
from pathlib import Path

from potholejob.job import BadData, NoInput


class Files:
    """Small files and listings on whatever the URL names, through Hadoop's FileSystem."""

    def __init__(self, spark):
        self._path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path
        self._configuration = spark.sparkContext._jsc.hadoopConfiguration()

    def _open(self, url):
        path = self._path(url)
        return path.getFileSystem(self._configuration), path

    def exists(self, url):
        files, path = self._open(url)
        return files.exists(path)

    def data_files(self, url):
        """Names of the non-empty Parquet files directly in a folder; none if it is not there."""
        files, path = self._open(url)
        if not files.exists(path):
            return []
        found = [status for status in files.listStatus(path) if status.isFile() and status.getLen() > 0]
        names = [status.getPath().getName() for status in found]
        return sorted(name for name in names if name.endswith(".parquet") and not name.startswith(("_", ".")))

    def write_text(self, url, text):
        files, path = self._open(url)
        stream = files.create(path, True)
        stream.write(bytearray(text.encode("utf-8")))
        stream.close()


def views(spark, sql_file, names, arguments):
    """Creates the views NAMES of a SQL file, in that order; NAME.VARIANT creates NAME.

    A section begins with a line '-- view: NAME'; '(cached)' behind it keeps the result for the views that follow.
    """
    parts = re.split(r"^-- view: (\S+)( \(cached\))?$", Path(sql_file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = {name: (bool(cached), text) for name, cached, text in zip(parts[1::3], parts[2::3], parts[3::3])}
    for name in names:
        cached, text = sections[name]
        frame = query(spark, text, arguments)
        (frame.cache() if cached else frame).createOrReplaceTempView(name.split(".")[0])


def query(spark, sql, arguments):
    """A result, with those of the values that the text names (:name) bound."""
    return spark.sql(sql, args={name: value for name, value in arguments.items() if re.search(rf":{name}\b", sql)})


def row(spark, sql, **arguments):
    """The only row of a result, as a dictionary."""
    return query(spark, sql, arguments).collect()[0].asDict()


def read_parquet(spark, url, view, columns, finished):
    """A view on the Parquet files of a folder.

    Raises NoInput when there is none, or, if FINISHED, no _SUCCESS beside them; BadData when a column is missing.
    """
    files = Files(spark)
    if not files.data_files(url):
        raise NoInput(f"no non-empty Parquet file in {url}")
    if finished and not files.exists(url.rstrip("/") + "/_SUCCESS"):
        raise NoInput(f"{url} has no _SUCCESS: whoever writes it has not finished")
    frame = spark.read.parquet(url)
    _require(frame, columns, url)
    frame.createOrReplaceTempView(view)


def read_csv(spark, url, view, columns):
    """A view on a CSV file with a header, every column a text, with COLUMNS {name in the file: name in the view} renamed."""
    if not Files(spark).exists(url):
        raise NoInput(f"{url} is not there")
    frame = spark.read.csv(url, header=True)
    _require(frame, columns, url)
    for old, new in columns.items():
        frame = frame.withColumnRenamed(old, new)
    frame.createOrReplaceTempView(view)


def _require(frame, columns, url):
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise BadData(f"{url} lacks the columns {', '.join(missing)}; it has {', '.join(frame.columns)}")


def write_parquet(frame, url, order, rows, rows_per_file, max_files):
    """Replaces a folder with snappy Parquet files that, read by name, are in ORDER: a range of it each. Returns how many at most."""
    count = max(1, min(max_files, math.ceil(rows / rows_per_file)))
    frame.repartitionByRange(count, *order).sortWithinPartitions(*order).write.mode("overwrite").parquet(url)
    return count


def finish(spark, url, metrics):
    """Writes _metrics.json, then _SUCCESS: where the second exists, everything does."""
    files = Files(spark)
    files.write_text(url.rstrip("/") + "/_metrics.json", json.dumps(metrics, indent=2) + "\n")
    files.write_text(url.rstrip("/") + "/_SUCCESS", "")


def metres_per_degree(latitude):
    """Length of a degree of latitude and of longitude on WGS 84, in metres (series good to 0.01 m; the SQL files use the same)."""
    phi = math.radians(latitude)
    north = 111132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi) - 0.0023 * math.cos(6 * phi)
    east = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    return north, east


def grid(max_abs_latitude, reach_metres):
    """Cell height and width in degrees: two places closer than the reach lie in the same cell or in neighbouring ones.

    The reach is measured with the scale of the place nearer than MAX_ABS_LATITUDE to the equator, where a degree of longitude is longest.
    """
    slack = 1 + 1e-9
    return {
        "cell_lat": slack * reach_metres / metres_per_degree(0)[0],
        "cell_lon": slack * reach_metres / metres_per_degree(min(max_abs_latitude, 89.0))[1],
    }
