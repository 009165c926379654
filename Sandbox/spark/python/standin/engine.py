"""DuckDB in a child process, spoken to by lines of JSON."""
import atexit
import datetime
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class EngineError(Exception):
    """A statement refused by DuckDB, with its message."""


class Engine:
    """One in-memory database that spills to its own folder. Not thread-safe."""

    def __init__(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="spark-", dir=os.environ.get("SPARK_LOCAL_DIRS")))
        atexit.register(self.close)
        script = Path(__file__).resolve().with_name("engine.mjs")
        self._process = subprocess.Popen(
            ["node", str(script), str(self.scratch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def run(self, sql, parameters=None):
        """Column names and rows of a statement. Integers are int, dates datetime.date, other numbers float."""
        self._process.stdin.write(json.dumps({"sql": sql, "parameters": parameters or {}}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise EngineError("DuckDB ended; see the lines above. Is @duckdb/node-api installed (npm ci in Sandbox/spark)?")
        answer = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        convert = [_converter(name) for name in answer["types"]]
        rows = [tuple(None if value is None else to(value) for to, value in zip(convert, row)) for row in answer["rows"]]
        return answer["columns"], rows

    def close(self):
        """Ends the child, whatever it computes, and removes its folder. May be called twice."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def quoted(text):
    """A text literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name):
    """A name of SQL, whatever it contains."""
    return '"' + str(name).replace('"', '""') + '"'


def _converter(type_name):
    if type_name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT"):
        return int
    if type_name in ("DOUBLE", "FLOAT") or type_name.startswith("DECIMAL"):
        return float
    if type_name == "DATE":
        return datetime.date.fromisoformat
    return lambda value: value
