"""The WSGI application: moto behind a layer that logs, injects faults and answers what moto cannot."""
import io
import threading

from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request

from . import answers, calls, control, faults, market, pricelist, processes
from .commands import Commands
from .jobs import Jobs
from .machines import Machines
from .processing import ProcessingJob
from .training import TrainingJob

# placementConfigurations: different GetSpotPlacementScores questions that an account may ask in 24 h; SpotLake met a limit of 50.
_SETTINGS = {"startDelaySeconds": 0.1, "stopDelaySeconds": 0.1, "jobStartDelaySeconds": 0.1, "jobStopGraceSeconds": 10.0, "placementConfigurations": 50.0}


class Sandbox:
    """All parts of one sandbox. `name` marks its processes; `root` holds the machines' folders."""

    def __init__(self, root, endpoint, name, region, standin):
        self.endpoint, self.region, self.stopping = endpoint, region, threading.Event()
        self.settings = dict(_SETTINGS)
        self.faults, self.calls = faults.Faults(), calls.CallLog()
        self.machines = Machines(root, name, self.faults, self.settings, standin)
        self.commands = Commands(self.machines, endpoint)
        self._tags = {}
        self.training = Jobs("Training", TrainingJob, root, name, endpoint, self.settings, self._tags)
        self.processing = Jobs("Processing", ProcessingJob, root, name, endpoint, self.settings, self._tags)
        self.scores = market.PlacementScores(self.settings)
        self.control = control.Control(self)
        self._own = {
            "ssm": {"SendCommand": self.commands.send_command, "GetCommandInvocation": self.commands.get_command_invocation, "CancelCommand": self.commands.cancel_command,
                    "ListCommandInvocations": self.commands.list_command_invocations, "DescribeInstanceInformation": self.commands.describe_instance_information},
            "ec2": {"GetSpotPlacementScores": self.scores.answer, "DescribeSpotPriceHistory": market.spot_price_history},
            "sagemaker": {**self.training.operations(), **self.processing.operations(), "AddTags": self._add_tags, "ListTags": self._list_tags},
            "pricing": {"GetProducts": pricelist.products, "DescribeServices": pricelist.services},
        }
        self._moto = DomainDispatcherApplication(create_backend_app)

    def reset(self):
        """Resets everything, also AWS's state."""
        self.faults.clear()
        self.settings.update(_SETTINGS)
        for part in (self.machines, self.commands, self.training, self.processing, self.scores):
            part.reset()
        self._tags.clear()
        self.calls.clear()
        for service in ("s3", "ec2", "ssm", "sts", "sagemaker", "timestreamwrite", "secretsmanager"):
            get_backend(service).reset()
        return {}

    def close(self):
        self.stopping.set()
        self.machines.reset()
        processes.end(self.machines.name + "/")

    def __call__(self, environ, start_response):
        request = Request(environ)
        body = request.get_data(cache=False)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        if request.path.rstrip("/").split("/")[1:2] == ["sandbox"]:
            return self.control.answer(request.method, request.path, request.args, body)(environ, start_response)
        call = calls.read(environ, body)
        if call is None:
            return self._moto(environ, start_response)
        self.calls.add(call)
        fault = self.faults.take(call)
        if fault is None:
            return self._answer(call, environ, start_response)
        call.outcome = fault["kind"]
        refusal = faults.refusal(fault, call)
        if refusal is not None:
            return refusal(environ, start_response)
        return self._with(fault, call, environ, start_response)

    def _with(self, fault, call, environ, start_response):
        match fault["kind"]:
            case "timeout":
                faults.sleep(fault["seconds"], self.stopping)
                return answers.broken(start_response)
            case "lost-reply":
                b"".join(self._answer(call, environ, lambda *_: None))
                return answers.broken(start_response)
            case "slow":
                faults.sleep(fault["seconds"], self.stopping)
            case "hang-stop":
                self.machines.hang(fault["match"])
            case "insufficient-capacity":
                self.training.capacity_missing.now = self.processing.capacity_missing.now = True
        try:
            return self._answer(call, environ, start_response)
        finally:
            self.machines.hang(None)
            self.training.capacity_missing.now = self.processing.capacity_missing.now = False

    def _add_tags(self, call):
        known = self._tags.setdefault(call.parameters["ResourceArn"], {})
        known.update({t["Key"]: t["Value"] for t in call.parameters.get("Tags") or []})
        return {"Tags": [{"Key": k, "Value": v} for k, v in known.items()]}

    def _list_tags(self, call):
        return {"Tags": [{"Key": k, "Value": v} for k, v in self._tags.get(call.parameters["ResourceArn"], {}).items()]}

    def _answer(self, call, environ, start_response):
        own = self._own.get(call.service, {}).get(call.operation)
        if own is None:
            if call.operation == "StopInstances" and call.parameters.get("Force") == "true":
                self.machines.force([v for k, v in call.parameters.items() if k.startswith("InstanceId.")])
            return self._moto(environ, start_response)
        try:
            result = own(call)
        except answers.Refused as refused:
            result = answers.error(call, refused.code, refused.message, refused.status)
        return (answers.json_answer(result) if isinstance(result, dict) else result)(environ, start_response)
