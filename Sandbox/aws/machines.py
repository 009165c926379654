"""EC2 machines with a life: pending, running, stopping, stopped take their time; what runs on a machine ends with it; a stop may hang."""
import copy
import os
import pathlib
import socket
import subprocess
import threading

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models import instances as moto_instances

from . import processes
from .faults import concerns

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


class Machines:
    """All machines of the sandbox, on moto's records. Folder of a machine: root/instances/<id>/, with home and, where a stand-in is there, spark."""

    def __init__(self, root, name, faults, settings, standin):
        self.root, self.name, self.faults, self.settings, self.standin = pathlib.Path(root) / "instances", name, faults, settings, standin
        self.lock, self._timers, self._ports, self._call = threading.RLock(), {}, {}, threading.local()
        machines = self
        moto_instances.Instance.start = lambda instance: machines._start(instance)
        moto_instances.Instance.stop = lambda instance: machines._stop(instance)
        terminate = moto_instances.Instance.terminate
        moto_instances.Instance.terminate = lambda instance: machines._terminate(instance, terminate)

    def all(self):
        found = {}
        for account in list(ec2_backends.values()):
            for backend in list(account.values()):
                for reservation in list(backend.reservations.values()):
                    found.update({instance.id: instance for instance in reservation.instances})
        return found

    def state(self, instance_id):
        instance = self.all().get(instance_id)
        return instance._state.name if instance else None

    def owner(self, instance_id):
        """Mark of the processes of a machine."""
        return f"{self.name}/{instance_id}/"

    def folder(self, instance_id):
        """The machine's own folder, made when it is first needed."""
        with self.lock:
            folder = self.root / instance_id
            if not folder.exists():
                (folder / "home").mkdir(parents=True)
                (folder / "tmp").mkdir()
                if self.standin and (pathlib.Path(self.standin) / "install.sh").exists():
                    subprocess.run(["/bin/sh", str(pathlib.Path(self.standin) / "install.sh"), str(folder / "spark")], check=True, stdout=subprocess.DEVNULL)
            return folder

    def environment(self, instance_id, endpoint, region):
        """What a process on the machine finds in its environment."""
        folder = self.folder(instance_id)
        with self.lock:
            if instance_id not in self._ports:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", 0))
                    self._ports[instance_id] = probe.getsockname()[1]
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8", "INSTANCE_ID": instance_id,
            "SPARK_HOME": str(folder / "spark"), "SPARK_MASTER_WEBUI_PORT": str(self._ports[instance_id]),
            "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": "machine", "AWS_SECRET_ACCESS_KEY": "machine",
            "AWS_EC2_METADATA_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1", processes.MARK: self.owner(instance_id),
        }

    def crash(self, instance_id):
        """The machine crashes without notice."""
        self._later(instance_id, None)
        self._become(self.all()[instance_id], "stopped")  # first: nothing starts on it from here on, and its agent is silent
        processes.end(self.owner(instance_id))

    def release(self, instance_id):
        """A hanging stop continues."""
        instance = self.all()[instance_id]
        if instance._state.name == "stopping":
            self._later(instance_id, lambda: self._off(instance, "stopped"), self.settings["stopDelaySeconds"])

    def force(self, instance_ids):
        """A stop with force ends a hanging one, unless it hangs forever."""
        for instance_id in instance_ids:
            if self.state(instance_id) == "stopping" and not self.faults.hangs("hang-stop-for-ever", instance_id):
                self.release(instance_id)

    def hang(self, match):
        """The stop that this thread asks for next hangs for the machine that `match` names, or for all of them; None: for none."""
        self._call.hangs = match

    def reset(self):
        with self.lock:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
        processes.end(self.name + "/")

    def _start(self, instance):
        before = copy.copy(instance._state)
        if before.name in ("stopping", "shutting-down", "terminated"):
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be started.")
        if before.name == "stopped":
            self._become(instance, "pending")
            instance.launch_time = utcnow()
            self._later(instance.id, lambda: self._become(instance, "running"), self.settings["startDelaySeconds"])
        return before

    def _stop(self, instance):
        before = copy.copy(instance._state)
        if before.name in ("shutting-down", "terminated"):
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be stopped.")
        if before.name in ("pending", "running"):
            self._become(instance, "stopping")
            instance._reason = f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S} GMT)"
            hangs = self.faults.hangs("hang-stop-for-ever", instance.id) or concerns(getattr(self._call, "hangs", None), instance.id)
            self._later(instance.id, None if hangs else lambda: self._off(instance, "stopped"), self.settings["stopDelaySeconds"])
        return before

    def _terminate(self, instance, terminate):
        self._later(instance.id, None)
        before = copy.copy(instance._state)
        self._become(instance, "shutting-down")
        processes.end(self.owner(instance.id))
        terminate(instance)
        return before

    def _off(self, instance, state):
        processes.end(self.owner(instance.id), grace=0.2)
        self._become(instance, state)

    def _become(self, instance, state):
        with self.lock:
            instance._state.name, instance._state.code = state, _CODES[state]

    def _later(self, instance_id, action, seconds=0.0):
        with self.lock:
            old = self._timers.pop(instance_id, None)
            if old:
                old.cancel()
            if action:
                timer = threading.Timer(seconds, action)
                timer.daemon = True
                self._timers[instance_id] = timer
                timer.start()
