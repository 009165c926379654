"""The installation that a command belongs to: SPARK_HOME, with conf/, logs/ and run/ of its own."""
import os
from pathlib import Path

HOME = Path(os.environ["SPARK_HOME"])
WEBUI_PORT = int(os.environ.get("SPARK_MASTER_WEBUI_PORT") or 8080)


def folder(name):
    path = HOME / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def starts(pid):
    """Start time of a process, in ticks since boot; None when it is gone. With the pid it identifies a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def remember(file, pid):
    file.write_text(f"{pid} {starts(pid)}", encoding="ascii")


def running(file):
    """The pid in a file if that process still runs."""
    try:
        pid, started = file.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(pid) if starts(pid) == started else None
