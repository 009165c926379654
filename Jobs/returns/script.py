"""A script-mode job's surroundings: where data comes from, where results go, how a failure is reported."""
import json
import math
import os
import pathlib
import sys
import tempfile
import traceback


class BadInput(Exception):
    """The data or an argument is wrong: a retry with the same input fails the same way."""


def folder(variable, default):
    """A folder that the container names in its environment."""
    path = pathlib.Path(os.environ.get(variable, default))
    path.mkdir(parents=True, exist_ok=True)
    return path


def model_folder():
    return folder("SM_MODEL_DIR", "/opt/ml/model")


def output_folder():
    return folder("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data")


def boolean(text):
    """An argument that may come as a flag or, from a hyperparameter, as a word."""
    if str(text).lower() in ("", "1", "true", "yes"):
        return True
    if str(text).lower() in ("0", "false", "no"):
        return False
    raise ValueError(f"'{text}' is neither true nor false")


def plain(value):
    """The value as JSON can hold it: a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path, value):
    """Writes valid JSON, atomically."""
    path = pathlib.Path(path)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(plain(value), file, indent=2, allow_nan=False)
    os.replace(file.name, path)


def run(main):
    """Runs a script. A failure goes where SageMaker reads it; exit code 3 means that the input is at fault, 1 anything else."""
    try:
        main()
    except Exception as error:  # the last word of the job
        known = isinstance(error, BadInput)
        failure = folder("SM_OUTPUT_DIR", "/opt/ml/output") / "failure"
        failure.write_text(str(error) if known else "".join(traceback.format_exception_only(type(error), error)).strip(), encoding="utf-8")
        if known:
            print(error, file=sys.stderr)
        else:
            traceback.print_exc()
        sys.exit(3 if known else 1)
