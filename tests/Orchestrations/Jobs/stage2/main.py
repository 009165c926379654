"""Stage 2 of the tests: writes what the real one would, without reading anything."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tiny  # noqa: E402

tiny.write(2)
