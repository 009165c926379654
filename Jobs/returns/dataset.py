"""Reads and checks a training set: 512 features (two unit vectors of 256), six targets in per cent, one row per time."""
import pathlib

import numpy

from script import BadInput

TARGETS = ["trend_return_pct", "mean_revert_return_pct", "breakout_return_pct", "scalper_return_pct", "long_hold_return_pct", "short_hold_return_pct"]
FEATURES, HALF = 512, 256
NORM_TOLERANCE = 1e-3


def find(folder):
    """The one file of a channel. Parquet needs pyarrow, which the production container has; a machine without it gets the same rows as .npy."""
    folder = pathlib.Path(folder)
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("train.*") if path.suffix in (".parquet", ".npy"))
    parquet = [path for path in files if path.suffix == ".parquet"]
    arrays = [path for path in files if path.suffix == ".npy"]
    if parquet and (not arrays or _has_pyarrow()):
        return parquet[0]
    if arrays:
        return arrays[0]
    raise BadInput(f"{folder} has no train.parquet and no train.npy.")


def read(path):
    """Times in microseconds since 1970 (int64), features (float32) and targets (float64), sorted by time."""
    path = find(path)
    if path.suffix == ".npy":
        rows = numpy.load(path, allow_pickle=False)
        ts, features, targets = rows["ts"], rows["features"], rows["targets"]
    else:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path, columns=["ts", *TARGETS, "features"])
        ts = table["ts"].cast("timestamp[us, tz=UTC]").cast("int64").to_numpy()
        lists = table["features"].combine_chunks()
        lengths = numpy.unique(numpy.diff(lists.offsets.to_numpy()))
        if len(lists) and lengths.tolist() != [FEATURES]:
            raise BadInput(f"Rows have {', '.join(map(str, lengths))} features; every row needs {FEATURES}.")
        features = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), -1)
        targets = numpy.column_stack([table[name].to_numpy() for name in TARGETS])
    features, targets = numpy.asarray(features, dtype=numpy.float32), numpy.asarray(targets, dtype=numpy.float64)
    check(ts, features, targets)
    order = numpy.argsort(ts, kind="stable")
    return ts[order], features[order], targets[order]


def check(ts, features, targets):
    """Refuses rows unfit for training, with counts by reason."""
    if len(ts) < 3:
        raise BadInput(f"{len(ts)} rows: at least 3 are needed for a split.")
    if features.shape[1:] != (FEATURES,):
        raise BadInput(f"Rows have {features.shape[1:]} features; every row needs {FEATURES}.")
    halves = features.astype(numpy.float64).reshape(-1, 2, HALF)
    with numpy.errstate(invalid="ignore", over="ignore"):
        off = numpy.abs(numpy.sqrt((halves ** 2).sum(axis=2)) - 1) > NORM_TOLERANCE
    wrong = {
        "features not finite": int((~numpy.isfinite(features)).any(axis=1).sum()),
        "a half is no unit vector": int(off.any(axis=1).sum()),
        "targets not finite": int((~numpy.isfinite(targets)).any(axis=1).sum()),
        "ts not unique": int(len(ts) - len(numpy.unique(ts))),
    }
    if any(wrong.values()):
        raise BadInput("Bad rows: " + ", ".join(f"{reason} {count}" for reason, count in wrong.items() if count) + ".")


def split(rows):
    """Rows for training, validation and test, by time: 70, 10 and 20 per cent."""
    train, validation = max(1, int(0.7 * rows)), max(1, int(0.1 * rows))
    train = min(train, rows - validation - 1)
    return train, validation, rows - train - validation


def _has_pyarrow():
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True
