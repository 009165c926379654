"""SageMaker script mode for a training script, also outside SageMaker: a script only adds its model and its training loop.

    def train(job):
        features, labels = job.array("train", "features"), job.array("train", "labels")
        ...
        job.epoch(1, train_loss=0.7, validation_loss=0.8)
        job.scores(probabilities_of_the_test_rows)
        model.save(job.model_file("model.json"))

    if __name__ == "__main__":
        scriptmode.run(train, framework="xgboost", defaults={"rounds": 100})

Hyperparameters are the defaults, overridden by SM_HPS or --name value. Channels are SM_CHANNEL_<NAME> or --channels FOLDER/<name>. The model goes to
SM_MODEL_DIR, metrics.json and scores.npy to SM_OUTPUT_DATA_DIR. Parameters every script has: seed, memory-mb (limit of private memory, 0: none),
train-rows (the first n rows of the channel train, 0: all), epochs (0: the script's own).

Exit codes: 0 done; 1 failed, the reason in SM_OUTPUT_DIR/failure; 78 not run, because the framework is not installed (the reason begins with "NotRun:").
"""
import hashlib
import importlib
import json
import math
import os
import pathlib
import random
import resource
import signal
import sys
import time
import traceback

NOT_RUN = 78
_SHARED = {"seed": 42, "memory-mb": 0, "train-rows": 0, "epochs": 0}


class Diverged(Exception):
    """A loss is no number any more."""


class NotRun(Exception):
    """What the script needs is not installed here."""


class Job:
    """One training job: parameters, data, and what it leaves."""

    def __init__(self, framework, parameters, channels, model, output, failure):
        self.framework, self.version, self.parameters = framework, "", parameters
        self.channels, self.model, self.output, self.failure = channels, pathlib.Path(model), pathlib.Path(output), pathlib.Path(failure)
        self.rows, self.epochs, self.best_epoch, self._scores = {}, [], None, False
        self.began = self._epoch_began = time.monotonic()

    def __getitem__(self, name):
        return self.parameters[name]

    def module(self, name):
        """The framework's module; NotRun when it is not installed."""
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            raise NotRun(f"{self.framework} is not installed in this image ({missing})") from None
        self.version = self.version or getattr(module, "__version__", "")
        return module

    def array(self, channel, name):
        """<channel>/<name>.npy, a column file written by numpy; the first train-rows rows of the channel train. Parquet needs pyarrow."""
        folder = pathlib.Path(self.channels[channel])
        import numpy

        if (folder / f"{name}.npy").exists():
            array = numpy.load(folder / f"{name}.npy", allow_pickle=False)
        elif (folder / f"{name}.parquet").exists():
            array = self.module("pyarrow.parquet").read_table(folder / f"{name}.parquet").to_pandas().to_numpy()
        else:
            raise FileNotFoundError(f"channel {channel} has no {name}.npy and no {name}.parquet")
        limit = self["train-rows"]
        if channel == "train" and limit > 0:
            array = array[:limit]
        if self.rows.setdefault(channel, len(array)) != len(array):
            raise ValueError(f"channel {channel}: {name} has {len(array)} rows, others have {self.rows[channel]}")
        return array

    def epoch(self, number, **numbers):
        """One point of the learning curves. NaN ends the job: training cannot recover from it."""
        now = time.monotonic()
        point = {"epoch": int(number), **{name: float(value) for name, value in numbers.items()}, "seconds": round(now - self._epoch_began, 3)}
        self._epoch_began = now
        self.epochs.append(point)
        print(" ".join(f"{name}={value}" for name, value in point.items()), flush=True)
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} in epoch {number}")

    def scores(self, probabilities):
        """Probabilities of the classes for each row of the channel test, whose labels the job never sees."""
        import numpy

        array = numpy.ascontiguousarray(probabilities, dtype="<f4")
        if array.ndim == 1:
            array = numpy.stack([1 - array, array], axis=1)
        numpy.save(self.output / "scores.npy", array)
        self._scores = True

    def model_file(self, name):
        """Path for a file of the model."""
        return str(self.model / name)

    def finish(self):
        """Writes metrics.json, with a checksum of each file of the model."""
        files = [{"name": str(path.relative_to(self.model)), "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                 for path in sorted(self.model.rglob("*")) if path.is_file()]
        if not files or not self._scores:
            raise RuntimeError("the script left no model" if not files else "the script left no scores of the test rows")
        report = {
            "framework": self.framework, "frameworkVersion": self.version, "parameters": self.parameters, "rows": self.rows, "epochs": self.epochs,
            "bestEpoch": self.best_epoch or (self.epochs[-1]["epoch"] if self.epochs else 0), "seconds": round(time.monotonic() - self.began, 3),
            "peakMemoryMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "modelFiles": files,
        }
        (self.output / "metrics.json").write_text(json.dumps(report))


def run(train, framework, defaults=None, arguments=None):
    """Runs the script to its exit code."""
    job = _job(framework, {**_SHARED, **(defaults or {})}, sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # SageMaker's stop: unwind, leave nothing half written
    try:
        _limit(job["memory-mb"])
        random.seed(job["seed"])
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin at a barrier take the processor from whoever shares it
        train(job)
        job.finish()
    except NotRun as reason:
        _fail(job, f"NotRun: {reason}")
        sys.exit(NOT_RUN)
    except MemoryError:
        _fail(job, f"MemoryError: more than memory-mb={job['memory-mb']} MB were needed")
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        out_of_memory = "alloc" in str(error).lower() and "memory" in str(error).lower()  # torch and XGBoost have errors of their own for it
        _fail(job, f"MemoryError: more than memory-mb={job['memory-mb']} MB were needed" if out_of_memory else f"{type(error).__name__}: {error}")
        sys.exit(1)


def _job(framework, parameters, arguments):
    given, channels = {}, {}
    folders = {"model-dir": os.environ.get("SM_MODEL_DIR", "model"), "output-data-dir": os.environ.get("SM_OUTPUT_DATA_DIR", "output/data"),
               "output-dir": os.environ.get("SM_OUTPUT_DIR", "output")}
    for name in json.loads(os.environ.get("SM_CHANNELS", "[]")):
        channels[name] = os.environ[f"SM_CHANNEL_{name.upper()}"]
    given.update(json.loads(os.environ.get("SM_HPS", "{}")))
    for at in range(0, len(arguments), 2):
        if not arguments[at].startswith("--") or at + 1 == len(arguments):
            raise SystemExit(f"usage: --name value ..., not {arguments[at]}")
        given[arguments[at][2:]] = arguments[at + 1]
    root = given.pop("channels", None)
    if root:
        channels.update({folder.name: str(folder) for folder in pathlib.Path(root).iterdir() if folder.is_dir()})
    for name in list(given):
        if name in folders:
            folders[name] = given.pop(name)
        elif name not in parameters:
            raise SystemExit(f"unknown parameter {name}; there are {', '.join(sorted(parameters))}")
    for name, value in given.items():
        kind = type(parameters[name])
        parameters[name] = kind(float(value)) if kind is int else kind(value)
    for folder in folders.values():
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    return Job(framework, parameters, channels, folders["model-dir"], folders["output-data-dir"], pathlib.Path(folders["output-dir"]) / "failure")


def _limit(megabytes):
    """Private memory, not addresses: libraries map far more than they use."""
    if megabytes > 0:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def _fail(job, reason):
    print(reason, file=sys.stderr, flush=True)
    job.failure.write_text(reason[:1000])
