"""The master: GET /json/ with the members of Spark's standalone master. A worker is ALIVE while the machine it was started on runs."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from standin import home  # noqa: E402
from standin.machines import Machines  # noqa: E402

CORES, MEMORY_MB = 2, 6144  # as the workers of the original are configured
READY = home.folder("run") / "master.ready"
MACHINES, LOCK = Machines(), Lock()


def state():
    try:
        registered = json.loads((home.folder("run") / "workers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        registered = {}
    with LOCK:
        up = MACHINES.running(list(registered)) if registered else {}
    workers = [
        {
            "id": f"worker-{host}-7078", "host": host, "port": 7078, "webuiaddress": f"http://{host}:8081",
            "cores": CORES, "coresused": 0, "coresfree": CORES, "memory": MEMORY_MB, "memoryused": 0, "memoryfree": MEMORY_MB,
            "state": "ALIVE" if up.get(host) == boot else "DEAD", "lastheartbeat": int(time.time() * 1000),
        }
        for host, boot in sorted(registered.items())]
    alive = sum(worker["state"] == "ALIVE" for worker in workers)
    applications = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(home.folder("run").glob("app-*.json"))]
    active = [found for found in applications if home.starts(found["pid"]) == found["started"]]
    return {
        "url": "spark://127.0.0.1:7077", "workers": workers, "aliveworkers": alive, "cores": alive * CORES,
        "coresused": 0, "memory": alive * MEMORY_MB, "memoryused": 0,
        "activeapps": [{"id": found["id"], "name": found["name"], "state": "RUNNING"} for found in active],
        "completedapps": [], "activedrivers": [], "completeddrivers": [], "status": "ALIVE",
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        if self.path.rstrip("/") != "/json":
            self.send_error(404)
            return
        try:
            body, code = json.dumps(state()).encode(), 200
        except Exception as fault:  # EC2 may be away: the caller asks again
            body, code = json.dumps({"error": str(fault)}).encode(), 500
        self.send_response(code)
        self.send_header("Content-Type", "text/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", home.WEBUI_PORT), Handler)
    READY.write_text("", encoding="ascii")
    server.serve_forever()
