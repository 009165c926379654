"""start-all.sh and stop-all.sh: a master process that answers http://127.0.0.1:$SPARK_MASTER_WEBUI_PORT/json/ as Spark's does."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from standin import home  # noqa: E402
from standin.machines import Machines  # noqa: E402

MASTER = "org.apache.spark.deploy.master.Master"
PID_FILE = home.folder("run") / "master.pid"
WORKERS_FILE = home.folder("run") / "workers.json"


def listed_workers():
    try:
        lines = (home.HOME / "conf" / "workers").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ["localhost"]  # as Spark does without the file
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def start_all():
    pid = home.running(PID_FILE)
    if pid:
        print(f"{MASTER} running as process {pid}.  Stop it first.")
    else:
        log, ready = home.folder("logs") / "master.out", home.folder("run") / "master.ready"
        ready.unlink(missing_ok=True)
        print(f"starting {MASTER}, logging to {log}", flush=True)
        # In the process group of its starter, as under nohup: a machine that goes down takes it along.
        with open(log, "ab") as out:
            master = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("master.py"))], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        home.remember(PID_FILE, master.pid)
        if not wait_for(lambda: ready.exists() or master.poll() is not None, 20) or master.poll() is not None:
            print(f"failed to launch: {MASTER}; see {log}", file=sys.stderr)
            return 1
    workers = listed_workers()
    up = Machines().running(workers)
    for host in workers:
        if host in up:
            print(f"{host}: starting org.apache.spark.deploy.worker.Worker")
        else:
            print(f"{host}: ssh: connect to host {host} port 22: No route to host", file=sys.stderr)
    write_whole(WORKERS_FILE, json.dumps(up))
    return 0


def stop_all():
    for host in listed_workers():
        print(f"{host}: stopping org.apache.spark.deploy.worker.Worker")
    write_whole(WORKERS_FILE, "{}")
    pid = home.running(PID_FILE)
    if not pid:
        print(f"no {MASTER} to stop")
        return 0
    print(f"stopping {MASTER}", flush=True)
    os.kill(pid, signal.SIGTERM)
    if not wait_for(lambda: home.running(PID_FILE) is None, 5):
        os.kill(pid, signal.SIGKILL)
    PID_FILE.unlink(missing_ok=True)
    return 0


def write_whole(file, text):
    """Replaces a file at once: the master may be reading it."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


if __name__ == "__main__":
    sys.exit(start_all() if sys.argv[1:] == ["start-all"] else stop_all())
