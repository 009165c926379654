#!/usr/bin/env python3
"""The AWS sandbox: one address that answers for S3, EC2, SSM, SageMaker, Timestream, Pricing and STS, and really executes the calls.

    python3 Sandbox/sandbox.py [--port N] [--root DIR] [--ready-file FILE] [--region REGION] [--parent PID]

Point AWS_ENDPOINT_URL at it; any credentials will do. /sandbox/ is its own API (README.md beside this file). It listens on 127.0.0.1 only and ends,
with everything that runs on its machines, on SIGTERM, on SIGINT, or when the process PARENT ends.
"""
import argparse
import logging
import os
import pathlib
import signal
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from aws import processes  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--root", help="folder of the machines; default: a new one, removed at the end")
    parser.add_argument("--ready-file", help="file that gets the address once it answers")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION") or "ap-northeast-2", help="where /sandbox/cluster puts machines")
    parser.add_argument("--parent", type=int, help="process to end with")
    options = parser.parse_args()
    name = f"sandbox-{os.getpid()}"
    root = os.path.abspath(options.root) if options.root else tempfile.mkdtemp(prefix="aws-sandbox-")  # machines run in folders of their own
    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    processes.watch_over(name + "/", None if options.root else root)
    try:
        from werkzeug.serving import WSGIRequestHandler, make_server
        from aws.server import Sandbox
    except ImportError as missing:
        print(f"{missing}. The sandbox needs moto: pip install 'moto[server]'", file=sys.stderr)
        return 3
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_):
            """Quiet: /sandbox/calls has what was asked."""

        def connection_dropped(self, error, environ=None):
            """A call that is to get no answer ends with its connection."""
            self.close_connection = True

    box = []
    server = make_server("127.0.0.1", options.port, lambda environ, start: box[0](environ, start), threaded=True, request_handler=Handler)
    server.daemon_threads = True
    endpoint = f"http://127.0.0.1:{server.server_port}"
    box.append(Sandbox(root, endpoint, name, options.region, pathlib.Path(__file__).parent / "spark"))
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"AWS sandbox on {endpoint}", flush=True)
    if options.ready_file:
        pathlib.Path(options.ready_file + ".new").write_text(endpoint + "\n")
        os.replace(options.ready_file + ".new", options.ready_file)
    while not stop.wait(0.5):
        if options.parent and not os.path.exists(f"/proc/{options.parent}"):
            break
    box[0].close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
