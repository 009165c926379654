"""Start and end of a stage: options are checked before any work; each outcome has an exit code."""
import datetime
import json
import re
import sys
import traceback
from pathlib import Path
from urllib.parse import urlsplit

DONE, FAILED, BAD_ARGUMENTS, NO_INPUT = 0, 1, 2, 3
KST_OFFSET_MS = 9 * 3600 * 1000  # Korea keeps no daylight saving time
DAY_MS = 86_400_000


class BadArguments(Exception):
    """An option or the configuration is missing or wrong. Exit code 2, before anything was read or written."""


class NoInput(Exception):
    """There is nothing to read. Exit code 3."""


class BadData(Exception):
    """The input is unusable. Exit code 1."""


class Number:
    """A setting that is a number in [low, high]; whole if both bounds are int."""

    def __init__(self, low, high):
        self._low, self._high, self._whole = low, high, isinstance(low, int)

    def read(self, name, value):
        if isinstance(value, str):
            try:
                value = int(value) if self._whole else float(value)
            except ValueError:
                raise BadArguments(f"{name} is '{value}', not a {'whole ' if self._whole else ''}number.") from None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or self._whole and not isinstance(value, int):
            raise BadArguments(f"{name} is {json.dumps(value)}, not a {'whole ' if self._whole else ''}number.")
        if not self._low <= value <= self._high:
            raise BadArguments(f"{name} is {value}; it must be from {self._low} to {self._high}.")
        return value if self._whole else float(value)


class Choice:
    """A setting that is one of a few words."""

    def __init__(self, *words):
        self._words = words

    def read(self, name, value):
        if value not in self._words:
            raise BadArguments(f"{name} is {json.dumps(value)}; it must be one of {', '.join(self._words)}.")
        return value


class Day:
    """A calendar day, YYYY-MM-DD."""

    def read(self, name, value):
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
                raise ValueError
            datetime.date.fromisoformat(value)
        except ValueError:
            raise BadArguments(f"{name} is '{value}', not a day as YYYY-MM-DD.") from None
        return value


class Url:
    """Location of data: s3a://bucket/key, or an absolute path of this machine."""

    def read(self, name, value):
        parts = urlsplit(value)
        if parts.scheme in ("s3a", "file"):
            fits = bool(parts.path.strip("/")) and (parts.scheme == "file" or re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc))
        else:
            fits = value.startswith("/") and value.strip("/") != ""
        if not fits or any(part in (".", "..") for part in value.split("/")) or re.search(r"[\x00-\x1f\x7f*?{}\[\]\\]", value):
            raise BadArguments(f"{name} is {json.dumps(value)}; it must be s3a://bucket/key or an absolute path, without wildcards.")
        return value


class Arguments:
    """The values of a stage's options and settings, by name."""

    def __init__(self, values):
        self.__dict__.update(values)


def read_arguments(words, required, optional, settings, config_path):
    """Options from the command line, settings from the configuration file; a setting on the command line (--its-name) overrides it.

    The file must name every setting of the stage and no other.
    """
    known = {**required, **optional, **settings}
    given = {}
    words = list(words)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        name = flag[2:].replace("-", "_")
        if not flag.startswith("--") or name not in known and name != "config":
            raise BadArguments(f"Unknown option: {word}. Known: {', '.join('--' + key.replace('_', '-') for key in (*known, 'config'))}.")
        if name in given:
            raise BadArguments(f"{flag} is given twice.")
        if not equals:
            if not words or words[0].startswith("--"):
                raise BadArguments(f"{flag} needs a value.")
            value = words.pop(0)
        given[name] = value
    missing = [name for name in required if name not in given]
    if missing:
        raise BadArguments(f"Missing: {', '.join('--' + name.replace('_', '-') for name in missing)}.")
    config = _read_config(given.pop("config", config_path), settings)
    values = {name: None for name in optional}
    values.update({name: settings[name].read(f"{name} in the configuration", value) for name, value in config.items()})
    values.update({name: known[name].read("--" + name.replace("_", "-"), value) for name, value in given.items()})
    return Arguments(values)


def _read_config(path, settings):
    try:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise BadArguments(f"The configuration {path} cannot be read: {fault}") from None
    if not isinstance(config, dict):
        raise BadArguments(f"The configuration {path} is not a JSON object.")
    missing, unknown = [name for name in settings if name not in config], [name for name in config if name not in settings]
    if missing or unknown:
        raise BadArguments(
            f"The configuration {path} "
            + "; ".join(filter(None, [missing and f"lacks {', '.join(missing)}", unknown and f"has the unknown {', '.join(unknown)}"])) + ".")
    return config


def check_partition(arguments):
    """The day in a path (dt=D) must be the batch date; output must lie outside the input."""
    for name in ("input", "output"):
        value = getattr(arguments, name)
        for found in re.findall(r"(?:^|/)dt=([^/]*)", value):
            if found != arguments.batch_date:
                raise BadArguments(f"--{name} is of dt={found}, --batch-date is {arguments.batch_date}.")
    outer, inner = arguments.output.rstrip("/") + "/", arguments.input.rstrip("/") + "/"
    if outer.startswith(inner) or inner.startswith(outer):
        raise BadArguments("--output and --input lie in each other.")


def day_bounds_ms(day):
    """First millisecond of a Korean calendar day and of the next one, since 1970-01-01 UTC."""
    start = (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY_MS - KST_OFFSET_MS
    return start, start + DAY_MS


def main(stage, read, work):
    """Runs a stage and ends the process with its exit code; the last line on stderr is 'stage: error: reason' unless that is 0."""
    sys.exit(_run(stage, read, work))


def _run(stage, read, work):
    try:
        arguments = read(sys.argv[1:])
    except BadArguments as fault:
        return _end(stage, BAD_ARGUMENTS, fault)
    from pyspark.sql import SparkSession  # after the options: a typing error must not cost the start of a driver

    spark = None
    try:
        spark = (
            SparkSession.builder.appName(f"{stage} {getattr(arguments, 'batch_date', '')}".strip())
            # Spark's own _SUCCESS would come before _metrics.json; the stage writes it last.
            .config("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
            .getOrCreate())
        spark.sparkContext.setLogLevel("WARN")
        work(spark, arguments)
        code, reason = DONE, None
    except NoInput as fault:
        code, reason = NO_INPUT, fault
    except BadData as fault:
        code, reason = FAILED, fault
    except Exception as fault:  # everything else is ours or the cluster's: the log gets all of it, the last line its beginning
        traceback.print_exc()
        code, reason = FAILED, f"{type(fault).__name__}: {fault}"
    finally:
        if spark is not None:
            spark.stop()
    return _end(stage, code, reason)


def _end(stage, code, reason):
    if code != DONE:
        print(f"{stage}: error: {' '.join(str(reason).split())[:1000]}", file=sys.stderr, flush=True)
    return code
