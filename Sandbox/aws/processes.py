"""Processes that run on behalf of a machine or a job. They are found by a mark in their environment, however they detached themselves."""
import os
import shutil
import signal
import time

MARK = "DURABLE_SANDBOX_OWNER"


def watch_over(owner_prefix, folder=None):
    """Forks a watcher. When this process has ended, even by SIGKILL, it ends what carries the mark and removes the folder. Call it before any thread."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(writing)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.read(reading, 1)  # returns when the other end is closed: this process's, and nobody else has it
        end(owner_prefix)
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    os.close(reading)


def owned(owner_prefix):
    """Ids of living processes whose mark begins with the prefix."""
    wanted, found = f"{MARK}={owner_prefix}".encode(), []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as environment:
                    marks = [v for v in environment.read().split(b"\0") if v.startswith(wanted)]
                with open(f"/proc/{name}/stat", "rb") as stat:
                    alive = stat.read().rpartition(b")")[2].split()[0] != b"Z"
            except OSError:
                continue
            if marks and alive:
                found.append(int(name))
    return found


def end(owner_prefix, grace=0.0):
    """TERM, `grace` seconds, then KILL, until none is left (a killed shell may just have started a child)."""
    if grace > 0:
        _signal(owned(owner_prefix), signal.SIGTERM)
        deadline = time.monotonic() + grace
        while owned(owner_prefix) and time.monotonic() < deadline:
            time.sleep(0.05)
    for _ in range(20):
        left = owned(owner_prefix)
        if not left:
            return
        _signal(left, signal.SIGKILL)
        time.sleep(0.02)


def _signal(pids, sign):
    for pid in pids:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            pass
