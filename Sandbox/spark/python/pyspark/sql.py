"""pyspark.sql on DuckDB. A view that is not a file is computed once, when it is created."""
import csv
import re
import signal
import sys
import uuid

from standin import storage
from standin.engine import Engine, identifier, quoted
from pyspark.hadoop import Context

_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_DDL = {"long": "BIGINT", "bigint": "BIGINT", "int": "INTEGER", "double": "DOUBLE", "string": "VARCHAR", "date": "DATE"}


class AnalysisException(Exception):
    """A missing or empty path."""


class Row(tuple):
    """A row whose columns are read by name: row.name, row["name"], row.asDict()."""

    def __new__(cls, names, values):
        row = super().__new__(cls, values)
        row.__dict__["_names"] = list(names)
        return row

    def __getattr__(self, name):
        if name.startswith("__") or name not in self._names:
            raise AttributeError(name)
        return self[self._names.index(name)]

    def __getitem__(self, key):
        return super().__getitem__(self._names.index(key) if isinstance(key, str) else key)

    def asDict(self):  # noqa: N802 PySpark's name
        return dict(zip(self._names, self))


class SparkSession:
    class Builder:
        def appName(self, _):  # noqa: N802
            return self

        def config(self, *_, **__):
            return self

        def getOrCreate(self):  # noqa: N802
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as a driver's JVM ends, tidily
            return SparkSession()

    builder = Builder()

    def __init__(self):
        self._engine = Engine()
        self.sparkContext = Context()
        self.read = _Reader(self._engine)

    def sql(self, sqlQuery, args=None):  # noqa: N803
        """Named markers (:name) take their values from args, as in PySpark 3.5 and later."""
        used = {}

        def mark(found):
            used[found[1]] = args[found[1]]
            return "$" + found[1]

        text = _PARAMETER.sub(mark, re.sub(r"--[^\n]*", "", sqlQuery))
        return DataFrame(self._engine, text, used)

    def createDataFrame(self, data, schema):  # noqa: N802
        """Rows as tuples, the schema as DDL text."""
        fields = [field.split() for field in schema.split(",")]
        path = self._engine.scratch / f"rows-{uuid.uuid4()}.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(["" if value is None else repr(value) if isinstance(value, float) else value for value in row] for row in data)
        columns = ", ".join(f"{quoted(name)}: {quoted(_DDL[kind])}" for name, kind in fields)
        return DataFrame(
            self._engine, f"SELECT * FROM read_csv({quoted(path)}, auto_detect = false, header = false, delim = ',', quote = '\"', columns = {{{columns}}})")

    def stop(self):
        self._engine.close()


class DataFrame:
    def __init__(self, engine, text, parameters=None, is_file=False):
        self._engine, self._text, self._parameters, self._is_file = engine, text, parameters or {}, is_file
        self._partitions, self._order = 1, []

    def _derived(self, text=None):
        copy = DataFrame(self._engine, text or self._text, self._parameters, self._is_file)
        copy._partitions, copy._order = self._partitions, self._order
        return copy

    @property
    def columns(self):
        return self._engine.run(f"SELECT * FROM ({self._text}) AS t LIMIT 0", self._parameters)[0]

    def withColumnRenamed(self, existing, new):  # noqa: N802
        names = ", ".join(f"{identifier(name)} AS {identifier(new if name == existing else name)}" for name in self.columns)
        return self._derived(f"SELECT {names} FROM ({self._text}) AS t")

    def createOrReplaceTempView(self, name):  # noqa: N802
        kind = "VIEW" if self._is_file else "TABLE"
        self._engine.run(f"CREATE OR REPLACE TEMP {kind} _new AS {self._text}", self._parameters)  # it may read what it replaces
        for old in self._engine.run("SELECT table_type FROM information_schema.tables WHERE table_name = $name", {"name": name})[1]:
            self._engine.run(f"DROP {'VIEW' if old[0] == 'VIEW' else 'TABLE'} {identifier(name)}")
        self._engine.run(f"ALTER {kind} _new RENAME TO {identifier(name)}")

    def collect(self):
        names, rows = self._engine.run(self._text, self._parameters)
        return [Row(names, row) for row in rows]

    def cache(self):
        return self

    def repartitionByRange(self, numPartitions, *cols):  # noqa: N802, N803
        copy = self._derived()
        copy._partitions, copy._order = numPartitions, list(cols)
        return copy

    def sortWithinPartitions(self, *cols):  # noqa: N802
        copy = self._derived()
        copy._order = list(cols)
        return copy

    @property
    def write(self):
        return _Writer(self)


class _Reader:
    def __init__(self, engine):
        self._engine = engine

    def _files(self, path):
        if not storage.exists(path):
            raise AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {path}.")
        names = [name for name, _ in storage.list_files(path) if not any(part.startswith(("_", ".")) for part in name.split("/"))]
        if not names:
            raise AnalysisException(f"[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for {path}. It must be specified manually.")
        return "[" + ", ".join(quoted(storage.fetch(path, name, self._engine.scratch)) for name in names) + "]"

    def parquet(self, path):
        return DataFrame(self._engine, f"SELECT * FROM read_parquet({self._files(path)}, hive_partitioning = false)", is_file=True)

    def csv(self, path, header=False):
        # As Spark's: every column a text, RFC 4180 quotes.
        return DataFrame(
            self._engine,
            f"SELECT * FROM read_csv({self._files(path)}, header = {str(header).lower()}, all_varchar = true, delim = ',', quote = '\"')", is_file=True)


class _Writer:
    def __init__(self, frame):
        self._frame, self._mode = frame, "errorifexists"

    def mode(self, saveMode):  # noqa: N803
        self._mode = saveMode
        return self

    def parquet(self, path):
        """Part files with contiguous ranges of the order, as many as there are partitions."""
        frame, engine = self._frame, self._frame._engine
        if storage.exists(path) and storage.list_files(path):
            if self._mode != "overwrite":
                raise AnalysisException(f"[PATH_ALREADY_EXISTS] Path {path} already exists.")
            storage.delete_folder(path)
        order = ", ".join(identifier(name) for name in frame._order) or "1"
        columns = ", ".join(identifier(name) for name in frame.columns)
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE _written AS SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS _row FROM ({frame._text}) AS t",
            frame._parameters)
        rows = engine.run("SELECT count(*) FROM _written")[1][0][0]
        job = uuid.uuid4()
        for part in range(frame._partitions):
            first, last = rows * part // frame._partitions, rows * (part + 1) // frame._partitions
            if first == last and part > 0:
                continue
            name = f"part-{part:05d}-{job}-c000.snappy.parquet"
            file = engine.scratch / name
            engine.run(
                f"COPY (SELECT {columns} FROM _written WHERE _row >= {first} AND _row < {last} ORDER BY _row) TO {quoted(file)} "
                "(FORMAT parquet, COMPRESSION snappy)")
            storage.put_file(f"{str(path).rstrip('/')}/{name}", file)
            file.unlink()
        engine.run("DROP TABLE _written")
