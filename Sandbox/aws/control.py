"""The sandbox's own API under /sandbox/: faults, settings, calls, machines. JSON in, JSON out."""
import json

from moto.ec2.models import ec2_backends
from werkzeug.wrappers import Response

from . import market

_ACCOUNT = "123456789012"


class Control:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    def answer(self, method, path, query, body):
        parts = [p for p in path.split("/") if p][1:]
        try:
            wanted = json.loads(body) if body else {}
            result = self._do(method, parts, query, wanted)
        except (ValueError, KeyError, TypeError) as bad:
            return self._json({"error": str(bad)}, 400)
        return self._json({"error": f"no {method} {path} here"}, 404) if result is None else self._json(result)

    def _do(self, method, parts, query, wanted):
        box = self.sandbox
        match method, parts:
            case "GET", []:
                return {"endpoint": box.endpoint, "machines": {i: m._state.name for i, m in sorted(box.machines.all().items())}, "faults": box.faults.list(), "settings": box.settings}
            case "POST", ["faults"]:
                return box.faults.add(wanted)
            case "GET", ["faults"]:
                return box.faults.list()
            case "DELETE", ["faults"]:
                box.faults.clear()
                return {}
            case "POST", ["settings"]:
                unknown = set(wanted) - set(box.settings)
                if unknown:
                    raise ValueError(f"unknown settings {sorted(unknown)}; there are {sorted(box.settings)}")
                box.settings.update({name: float(value) for name, value in wanted.items()})
                return box.settings
            case "GET", ["calls"]:
                return box.calls.list(query.get("service"), query.get("operation"))
            case "GET", ["spot-advisor-data.json"]:
                return market.advisor()
            case "POST", ["reset"]:
                return box.reset()
            case "POST", ["cluster"]:
                return self._cluster(int(wanted.get("workers", 4)), wanted.get("region", box.region), wanted.get("instanceType", "t3.medium"))
            case "POST", ["instances", instance_id, "terminate"]:
                box.machines.all()[instance_id].terminate()
                return {}
            case "POST", ["instances", instance_id, "crash"]:
                box.machines.crash(instance_id)
                return {}
            case "POST", ["instances", instance_id, "release"]:
                box.machines.release(instance_id)
                return {}
            case "POST", ["training-jobs", name, "interrupt"]:
                return {"interrupted": box.training.by_name(name).interrupt(bool(wanted.get("capacityReturns", True)))}
            case _:
                return None

    def _cluster(self, workers, region, instance_type):
        """A stopped master and its stopped workers."""
        backend = ec2_backends[_ACCOUNT][region]
        image = next(iter(backend.describe_images())).id
        made = []
        for name in ["master", *(f"worker-{n}" for n in range(1, workers + 1))]:
            tags = {"instance": {"Name": f"pothole-{name}"}}
            reservation = backend.run_instances(image, 1, "", [], instance_type=instance_type, region_name=region, security_group_ids=[], tags=tags, is_instance_type_default=False)
            instance = reservation.instances[0]
            instance._state.name, instance._state.code = "stopped", 80
            self.sandbox.machines.folder(instance.id)
            made.append({"id": instance.id, "privateIp": instance.private_ip, "name": name})
        return {"master": made[0], "workers": made[1:], "region": region}

    @staticmethod
    def _json(body, status=200):
        return Response(json.dumps(body, default=str), status=status, content_type="application/json")
