"""SSM Run Command that runs: a shell on the machine, with output, exit code, timeout and cancellation as the service reports them."""
import datetime
import os
import signal
import subprocess
import threading
import time
import uuid

from . import answers

_INLINE = 24_000
_FINAL = ("Success", "Failed", "TimedOut", "Cancelled", "Undeliverable", "Terminated")


class Commands:
    """Commands by id, an invocation for each machine. A machine that is off when the command is sent is refused; one that goes off later leaves the
    invocation without an end until its delivery time is over, as the agent's silence does."""

    def __init__(self, machines, endpoint):
        self.machines, self.endpoint, self._commands, self._lock = machines, endpoint, {}, threading.Lock()

    def send_command(self, call):
        p = call.parameters
        document, ids = p.get("DocumentName"), list(p.get("InstanceIds") or [])
        if document != "AWS-RunShellScript":
            raise answers.Refused("InvalidDocument", f"Document with name {document} does not exist.")
        script = p.get("Parameters", {}).get("commands")
        if not isinstance(script, list) or not all(isinstance(line, str) for line in script):
            raise answers.Refused("InvalidParameters", "commands is a list of strings.")
        if not ids or any(self.machines.state(i) != "running" for i in ids):
            raise answers.Refused("InvalidInstanceId", f"Instances [[{', '.join(ids)}]] not in a valid state for account 123456789012")
        command = {
            "CommandId": str(uuid.uuid4()), "DocumentName": document, "Comment": p.get("Comment", ""), "InstanceIds": ids, "Parameters": p.get("Parameters", {}),
            "RequestedDateTime": time.time(), "ExpiresAfter": time.time() + (p.get("TimeoutSeconds") or 3600), "Status": "Pending", "StatusDetails": "Pending",
            "TimeoutSeconds": p.get("TimeoutSeconds") or 3600, "TargetCount": len(ids), "CompletedCount": 0, "ErrorCount": 0, "OutputS3Region": call.region,
        }
        limit = float((p.get("Parameters", {}).get("executionTimeout") or ["3600"])[0])
        folder = (p.get("Parameters", {}).get("workingDirectory") or [""])[0]
        invocations = {i: _Invocation(command, i, "\n".join(script), limit, folder) for i in ids}
        with self._lock:
            self._commands[command["CommandId"]] = (command, invocations)
        for invocation in invocations.values():
            threading.Thread(target=invocation.run, args=(self.machines, self.endpoint, call.region), daemon=True).start()
        return {"Command": command}

    def get_command_invocation(self, call):
        return self._invocation(call).describe()

    def list_command_invocations(self, call):
        p = call.parameters
        with self._lock:
            every = [i for _, invocations in self._commands.values() for i in invocations.values()]
        chosen = [i for i in every if p.get("CommandId") in (None, i.command["CommandId"]) and p.get("InstanceId") in (None, i.instance_id)]
        start, most = int(p.get("NextToken") or 0), p.get("MaxResults") or 50
        page = {"CommandInvocations": [i.summary() for i in chosen[start:start + most]]}
        return {**page, "NextToken": str(start + most)} if len(chosen) > start + most else page

    def cancel_command(self, call):
        with self._lock:
            found = self._commands.get(call.parameters.get("CommandId"))
        if not found:
            raise answers.Refused("InvalidCommandId", "")
        for instance_id, invocation in found[1].items():
            if instance_id in (call.parameters.get("InstanceIds") or [instance_id]):
                invocation.cancel()
        return {}

    def describe_instance_information(self, call):
        p = call.parameters
        wanted = next((f["Values"] for f in p.get("Filters") or [] if f["Key"] == "InstanceIds"), None)
        known = [(i, instance) for i, instance in sorted(self.machines.all().items()) if instance._state.name != "terminated" and (wanted is None or i in wanted)]
        start, most = int(p.get("NextToken") or 0), p.get("MaxResults") or 10
        page = {"InstanceInformationList": [
            {"InstanceId": i, "PingStatus": "Online" if instance._state.name == "running" else "ConnectionLost", "LastPingDateTime": time.time(), "AgentVersion": "3.3.0.0",
             "PlatformType": "Linux", "PlatformName": "Amazon Linux", "IPAddress": instance.private_ip, "ComputerName": i} for i, instance in known[start:start + most]]}
        return {**page, "NextToken": str(start + most)} if len(known) > start + most else page

    def reset(self):
        with self._lock:
            self._commands.clear()

    def _invocation(self, call):
        with self._lock:
            found = self._commands.get(call.parameters.get("CommandId"))
        if not found or call.parameters.get("InstanceId") not in found[1]:
            raise answers.Refused("InvocationDoesNotExist", "")
        return found[1][call.parameters["InstanceId"]]


class _Invocation:
    def __init__(self, command, instance_id, script, limit, folder):
        self.command, self.instance_id, self.script, self.limit, self.folder = command, instance_id, script, limit, folder
        self.status, self.code, self.out, self.err = "Pending", -1, "", ""
        self.began = self.ended = None
        self._process, self._cancelled, self._lock = None, False, threading.RLock()

    def run(self, machines, endpoint, region):
        folder = machines.folder(self.instance_id)
        environment = machines.environment(self.instance_id, endpoint, region)
        with machines.lock, self._lock:
            if self._cancelled:
                return self._end("Cancelled", -1)
            if machines.state(self.instance_id) != "running":
                return None  # went off in between: never delivered
            self.status, self.began = "InProgress", time.time()
            # Files, not pipes: a detached grandchild that holds the output open must not keep the command from ending.
            with open(folder / "tmp" / f"{self.command['CommandId']}.out", "w+b") as out, open(folder / "tmp" / f"{self.command['CommandId']}.err", "w+b") as err:
                self._process = subprocess.Popen(["/bin/sh", "-c", self.script], cwd=self.folder or folder / "home", env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                                 start_new_session=True)
        try:
            code, status = self._process.wait(self.limit), None
        except subprocess.TimeoutExpired:
            self._kill()
            code, status = self._process.wait(), "TimedOut"
        if machines.state(self.instance_id) != "running":
            return None  # the agent is gone with its machine and reports nothing
        self.out, self.err = (self._read(folder, kind) for kind in ("out", "err"))
        self._end(status or ("Cancelled" if self._cancelled else "Success" if code == 0 else "Failed"), code if code >= 0 else 128 - code)
        return None

    def cancel(self):
        with self._lock:
            if self.status not in _FINAL:
                self._cancelled = True
                if self._process:
                    self._kill()

    def describe(self):
        return {**self.summary(), "ResponseCode": self.code, "StandardOutputContent": self.out[:_INLINE], "StandardErrorContent": self.err[:_INLINE],
                "StandardOutputUrl": "", "StandardErrorUrl": "", "ExecutionStartDateTime": _iso(self.began), "ExecutionEndDateTime": _iso(self.ended),
                "ExecutionElapsedTime": f"PT{(self.ended or time.time()) - (self.began or time.time()):.3f}S"}

    def summary(self):
        self._silence()
        return {"CommandId": self.command["CommandId"], "InstanceId": self.instance_id, "Comment": self.command["Comment"], "DocumentName": self.command["DocumentName"],
                "RequestedDateTime": self.command["RequestedDateTime"], "Status": self.status, "StatusDetails": self._details(),
                "PluginName": "aws:runShellScript"}

    def _details(self):
        if self.status != "TimedOut":
            return self.status
        return "Execution Timed Out" if self._process else "Delivery Timed Out"

    def _silence(self):
        limit = self.command["ExpiresAfter"] + (self.limit if self._process else 0)
        if self.status not in _FINAL and (self._process is None or self._process.poll() is not None) and time.time() > limit:
            self._end("TimedOut", -1)

    def _end(self, status, code):
        self.ended, self.code = time.time(), code
        self.status = self.command["Status"] = self.command["StatusDetails"] = status
        self.command["CompletedCount"] += 1

    def _kill(self):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _read(self, folder, kind):
        with open(folder / "tmp" / f"{self.command['CommandId']}.{kind}", "rb") as text:
            return text.read(1_000_000).decode("utf-8", "replace")


def _iso(seconds):
    return "" if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
