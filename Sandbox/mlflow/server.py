"""An MLflow tracking server for development and tests: the calls that the benchmark makes, with the answers, errors and limits recorded from a server 2.9.

    python3 Sandbox/mlflow/server.py --port 0 --ready-file FILE [--parent PID]

Keeps everything in memory. Its own API: POST /sandbox/faults {"path": "runs/log-batch", "kind": "lost-reply", "times": 1, "skip": 0}: kinds are `500`, `lost-reply` (done,
then the connection breaks), `hang` (nothing done, no answer) and `refuse` (400); DELETE /sandbox/faults; GET /sandbox/calls: paths in order; GET /sandbox/: everything it holds.
"""
import argparse
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time
import urllib.parse
import uuid

MOST = {"metrics": 1000, "params": 100, "tags": 100}
LARGEST = 1 << 20


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.body = status, {"error_code": code, "message": message}


def absent(message):
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", message)


def invalid(message):
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


def now():
    return int(time.time() * 1000)


def need(values, *names):
    for name in names:
        if values.get(name) in (None, ""):
            raise invalid(f"Missing value for required parameter '{name}'. See the API docs for more information about request parameters.")


class Store:
    """The server's state."""

    def __init__(self):
        self.experiments, self.runs, self.models, self.artifacts = {}, {}, {}, {}

    # experiments
    def experiments_create(self, p):
        need(p, "name")
        if any(e["name"] == p["name"] for e in self.experiments.values()):
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Experiment(name={p['name']}) already exists. Error: UNIQUE constraint failed: experiments.name")
        number = str(len(self.experiments) + 1)
        self.experiments[number] = {"experiment_id": number, "name": p["name"], "artifact_location": f"mlflow-artifacts:/{number}", "lifecycle_stage": "active",
                                    "last_update_time": now(), "creation_time": now(), **({"tags": p["tags"]} if p.get("tags") else {})}
        return {"experiment_id": number}

    def experiments_get_by_name(self, p):
        for experiment in self.experiments.values():
            if experiment["name"] == p["experiment_name"]:
                return {"experiment": experiment}
        raise absent(f"Could not find experiment with name '{p['experiment_name']}'")

    def experiments_search(self, p):
        wanted = re.match(r"name LIKE '(.*)%'", p.get("filter", "name LIKE '%'")).group(1)
        return {"experiments": [e for e in self.experiments.values() if e["name"].startswith(wanted)][: p.get("max_results", 1000)]}

    # runs
    def runs_create(self, p):
        need(p, "experiment_id")
        if p["experiment_id"] not in self.experiments:
            raise absent(f"No Experiment with id={p['experiment_id']} exists")
        run = uuid.uuid4().hex
        uri = f"mlflow-artifacts:/{p['experiment_id']}/{run}/artifacts"
        tags = {t["key"]: t["value"] for t in p.get("tags", [])}
        name = p.get("run_name") or tags.get("mlflow.runName") or "run-" + run[:4]
        self.runs[run] = {"info": {"run_uuid": run, "experiment_id": p["experiment_id"], "run_name": name, "user_id": "", "status": "RUNNING", "start_time": p.get("start_time", now()),
                                   "artifact_uri": uri, "lifecycle_stage": "active", "run_id": run},
                          "params": {}, "metrics": [], "tags": {**tags, "mlflow.runName": name}}
        return {"run": self.shown(run, inputs=False)}

    def runs_get(self, p):
        return {"run": self.shown(self.known(p["run_id"]))}

    def runs_search(self, p):
        conditions = [c.strip() for c in re.split(r"\s+and\s+", p.get("filter", ""), flags=re.IGNORECASE) if c.strip()]
        found = [r for r in self.runs if self.runs[r]["info"]["experiment_id"] in p["experiment_ids"] and all(self.meets(r, c) for c in conditions)]
        return {"runs": [self.shown(r) for r in found[: p.get("max_results", 1000)]]} if found else {}

    def meets(self, run, condition):
        match = re.fullmatch(r"(metrics|params|tags|attributes)\.(`[^`]+`|[\w.]+)\s*(=|>|<|!=)\s*('([^']*)'|[-\d.]+)", condition)
        if not match:
            raise invalid(f"Invalid clause(s) in filter string: '{condition}'")
        kind, name, sign, value, text = match.group(1), match.group(2).strip("`"), match.group(3), match.group(4), match.group(5)
        data = self.runs[run]
        have = self.newest(data["metrics"]).get(name, {}).get("value") if kind == "metrics" else data[kind].get(name) if kind != "attributes" else data["info"].get(name)
        want = text if text is not None else float(value)
        return have is not None and {"=": have == want, "!=": have != want}.get(sign, sign in "<>" and ((have > want) if sign == ">" else (have < want)))

    def runs_update(self, p):
        info = self.runs[self.known(p["run_id"])]["info"]
        info.update({name: p[name] for name in ("status", "end_time", "run_name") if name in p})
        return {"run_info": self.info(info)}

    def runs_log_parameter(self, p):
        need(p, "key")
        self.param(self.known(p["run_id"]), p)
        return {}

    def runs_log_metric(self, p):
        need(p, "key")
        self.runs[self.known(p["run_id"])]["metrics"].append(self.metric(p))
        return {}

    def runs_set_tag(self, p):
        need(p, "key")
        self.runs[self.known(p["run_id"])]["tags"][p["key"]] = p["value"]
        return {}

    def runs_log_batch(self, p):
        run = self.known(p["run_id"])
        for kind, most in MOST.items():
            if len(p.get(kind, [])) > most:
                raise invalid(f"A batch logging request can contain at most {most} {kind}. Got {len(p[kind])} {kind}. Please split up {kind} across multiple requests and try again.")
        for param in p.get("params", []):
            self.param(run, param)
        self.runs[run]["metrics"] += [self.metric(m) for m in p.get("metrics", [])]
        self.runs[run]["tags"].update({t["key"]: t["value"] for t in p.get("tags", [])})
        return {}

    def param(self, run, p):
        params, value = self.runs[run]["params"], str(p["value"])
        if len(value) > 6000:
            raise invalid(f"Param value '{value[:40]}...' had length {len(value)}, which exceeded length limit of 6000")
        if params.setdefault(p["key"], value) != value:
            raise invalid(f"Changing param values is not allowed. Param with key='{p['key']}' was already logged with value='{params[p['key']]}' for run ID='{run}'. "
                          f"Attempted logging new value '{value}'.")

    @staticmethod
    def metric(p):
        value = p["value"]
        return {"key": p["key"], "value": value if isinstance(value, str) else float(value), "timestamp": p["timestamp"], "step": p.get("step", 0)}

    def metrics_get_history(self, p):
        return {"metrics": [m for m in self.runs[self.known(p["run_id"])]["metrics"] if m["key"] == p["metric_key"]]}

    def known(self, run):
        if run not in self.runs:
            raise absent(f"Run with id={run} not found")
        return run

    @staticmethod
    def newest(metrics):
        found = {}
        for m in metrics:
            if m["key"] not in found or (m["step"], m["timestamp"]) >= (found[m["key"]]["step"], found[m["key"]]["timestamp"]):
                found[m["key"]] = m
        return found

    @staticmethod
    def info(info):
        order = ("run_uuid", "experiment_id", "run_name", "user_id", "status", "start_time", "end_time", "artifact_uri", "lifecycle_stage", "run_id")
        return {name: info[name] for name in order if name in info}

    def shown(self, run, inputs=True):
        data, pairs = self.runs[run], lambda values: [{"key": k, "value": v} for k, v in values.items()]
        parts = {"metrics": list(self.newest(data["metrics"]).values()), "params": pairs(data["params"]), "tags": pairs(data["tags"])}
        return {"info": self.info(data["info"]), "data": {name: part for name, part in parts.items() if part}, **({"inputs": {}} if inputs else {})}

    def artifacts_list(self, p):
        run = self.known(p["run_id"])
        uri = self.runs[run]["info"]["artifact_uri"]
        root = uri.removeprefix("mlflow-artifacts:/") + "/"
        under = root + (p["path"].strip("/") + "/" if p.get("path") else "")
        files = {}
        for name, content in sorted(self.artifacts.items()):
            if name.startswith(under):
                first, _, rest = name[len(under):].partition("/")
                path = under[len(root):] + first
                files[path] = {"path": path, "is_dir": True} if rest else {"path": path, "is_dir": False, "file_size": len(content)}
        return {"root_uri": uri, **({"files": list(files.values())} if files else {})}

    # models
    def registered_models_create(self, p):
        need(p, "name")
        if p["name"] in self.models:
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={p['name']}) already exists. Error: UNIQUE constraint failed: registered_models.name")
        self.models[p["name"]] = {"name": p["name"], "creation_timestamp": now(), "last_updated_timestamp": now(), "tags": p.get("tags", []), "versions": [], "aliases": {}}
        model = self.models[p["name"]]
        return {"registered_model": {name: model[name] for name in ("name", "creation_timestamp", "last_updated_timestamp")} | ({"tags": model["tags"]} if model["tags"] else {})}

    def model_versions_create(self, p):
        need(p, "name", "source")
        model = self.model(p["name"])
        version = {"name": p["name"], "version": str(len(model["versions"]) + 1), "creation_timestamp": now(), "last_updated_timestamp": now(), "current_stage": "None", "description": "",
                   "source": p["source"], "run_id": p.get("run_id", ""), "status": "READY", "run_link": ""}
        model["versions"].append(version)
        return {"model_version": dict(version)}

    def model_versions_search(self, p):
        match = re.fullmatch(r"name='([^']*)'", p.get("filter", ""))
        found = [self.bare(v) for v in reversed(self.models[match.group(1)]["versions"])] if match and match.group(1) in self.models else []
        return {"model_versions": found} if found else {}

    def model_versions_update(self, p):
        version = self.version(p)
        version.update(description=p["description"], last_updated_timestamp=now())
        return {"model_version": self.with_aliases(version)}

    def model_versions_transition_stage(self, p):
        version = self.version(p)
        version.update(current_stage=p["stage"], last_updated_timestamp=now())
        return {"model_version": self.with_aliases(version)}

    def model_versions_set_tag(self, p):
        version = self.version(p)
        version["tags"] = [t for t in version.get("tags", []) if t["key"] != p["key"]] + [{"key": p["key"], "value": p["value"]}]
        return {}

    def registered_models_alias(self, p):
        model = self.model(p["name"])
        if "version" in p:
            self.version(p)
            model["aliases"][p["alias"]] = p["version"]
            return {}
        if p["alias"] not in model["aliases"]:
            raise invalid(f"Registered model alias {p['alias']} not found.")
        return {"model_version": self.with_aliases(self.version({"name": p["name"], "version": model["aliases"][p["alias"]]}))}

    def registered_models_get_latest_versions(self, p):
        return {"model_versions": [self.bare(self.model(p["name"])["versions"][-1])]}

    def registered_models_search(self, p):
        shown = []
        for model in list(self.models.values())[: int(p.get("max_results", 100))]:
            shown.append({name: model[name] for name in ("name", "creation_timestamp", "last_updated_timestamp")} | {"latest_versions": [self.bare(v) for v in model["versions"][-1:]]}
                         | ({"tags": model["tags"]} if model["tags"] else {}) | ({"aliases": [{"alias": a, "version": v} for a, v in model["aliases"].items()]} if model["aliases"] else {}))
        return {"registered_models": shown}

    def model(self, name):
        if name not in self.models:
            raise absent(f"Registered Model with name={name} not found")
        return self.models[name]

    def version(self, p):
        for version in self.model(p["name"])["versions"]:
            if version["version"] == str(p["version"]):
                return version
        raise absent(f"Model Version (name={p['name']}, version={p['version']}) not found")

    def bare(self, version):
        order = ("name", "version", "creation_timestamp", "last_updated_timestamp", "current_stage", "description", "source", "run_id", "status", "tags", "run_link")
        return {name: version[name] for name in order if version.get(name) is not None and (name != "tags" or version["tags"])}

    def with_aliases(self, version):
        aliases = [a for a, v in self.models[version["name"]]["aliases"].items() if v == version["version"]]
        return self.bare(version) | ({"aliases": aliases} if aliases else {})


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.store, self.lock, self.faults, self.calls = Store(), threading.Lock(), [], []

    def fault(self, path):
        with self.lock:
            self.calls.append(path)
            for fault in self.faults:
                if fault["times"] != 0 and path == fault["path"]:
                    if fault.get("skip", 0) > 0:
                        fault["skip"] -= 1
                    else:
                        fault["times"] -= 1
                        return fault["kind"]
        return None

    def handle_error(self, request, client_address):
        pass  # whoever hung up is gone


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/sandbox/"):
            return self.control(url.path, body)
        if url.path.startswith("/api/2.0/mlflow-artifacts/artifacts/"):
            return self.artifact(urllib.parse.unquote(url.path.removeprefix("/api/2.0/mlflow-artifacts/artifacts/")), body)
        path = url.path.removeprefix("/api/2.0/mlflow/")
        kind = self.server.fault(path)
        if kind == "500":
            return self.answer({"error_code": "INTERNAL_ERROR", "message": "injected"}, 500)
        if kind == "refuse":
            return self.answer({"error_code": "INVALID_PARAMETER_VALUE", "message": "injected"}, 400)
        if kind == "hang":
            time.sleep(60)
            return self.close()
        operation = getattr(self.server.store, path.replace("/", "_").replace("-", "_"), None)
        if path == url.path or operation is None:
            return self.answer("404", 404)
        try:
            if len(body) > LARGEST:
                raise invalid("Batched logging API requests must be at most 1048576 bytes")
            values = dict(urllib.parse.parse_qsl(url.query)) if self.command == "GET" else json.loads(body or b"{}")
            with self.server.lock:
                result = operation(values)
        except Refused as refused:
            return self.answer(refused.body, refused.status)
        if kind == "lost-reply":
            return self.close()
        return self.answer(result)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def artifact(self, name, body):
        kind = self.server.fault("artifacts")
        if kind == "500":
            return self.answer({}, 500)
        if self.command == "PUT":
            with self.server.lock:
                self.server.store.artifacts[name] = body
            return self.close() if kind == "lost-reply" else self.answer({})
        content = self.server.store.artifacts.get(name)
        return self.answer("404", 404) if content is None else self.answer(content)

    def control(self, path, body):
        if path == "/sandbox/faults":
            with self.server.lock:
                if self.command == "DELETE":
                    self.server.faults.clear()
                else:
                    self.server.faults.append({"times": 1, **json.loads(body)})
            return self.answer({})
        if path == "/sandbox/calls":
            return self.answer(self.server.calls)
        store = self.server.store
        return self.answer({"experiments": store.experiments, "runs": store.runs, "models": store.models, "artifacts": {name: len(content) for name, content in store.artifacts.items()}})

    def answer(self, value, status=200):
        content = value if isinstance(value, bytes) else json.dumps(value, indent=2).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def close(self):
        self.close_connection = True
        self.connection.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=5000)
    options.add_argument("--ready-file")
    options.add_argument("--parent", type=int)
    chosen = options.parse_args()
    server = Server(chosen.port)
    if chosen.parent:
        def watch():
            while os.path.exists(f"/proc/{chosen.parent}"):
                time.sleep(0.5)
            os._exit(0)

        threading.Thread(target=watch, daemon=True).start()
    if chosen.ready_file:
        with open(chosen.ready_file + ".new", "w") as ready:
            ready.write(f"http://127.0.0.1:{server.server_port}")
        os.replace(chosen.ready_file + ".new", chosen.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
