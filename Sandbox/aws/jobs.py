"""SageMaker jobs that run: a process for each, states that follow it, data from and to S3. training.py and processing.py say what is theirs."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time

import boto3

from . import answers, processes

# Debian's Python has the training stack (python3-torch, python3-xgboost ...); ours may be another one.
PYTHON = os.environ.get("SANDBOX_JOB_PYTHON") or ("/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable)
_OVER = ("Completed", "Failed", "Stopped")


class Jobs:
    """Jobs of one kind by name; a name is taken forever, as in an account. `settings`: jobStartDelaySeconds, jobStopGraceSeconds."""

    def __init__(self, kind, make, root, name, endpoint, settings, tags):
        self.kind, self.make, self.root, self.name = kind, make, pathlib.Path(root) / "jobs" / kind, f"{name}/job-{kind}"
        self.endpoint, self.settings, self.tags = endpoint, settings, tags
        self._jobs, self._lock, self.capacity_missing = {}, threading.Lock(), threading.local()

    def operations(self):
        return {f"Create{self.kind}Job": self.create, f"Describe{self.kind}Job": self.describe, f"List{self.kind}Jobs": self.list, f"Stop{self.kind}Job": self.stop}

    def create(self, call):
        p, name = call.parameters, call.parameters.get(f"{self.kind}JobName")
        for needed in (f"{self.kind}JobName", "RoleArn", *self.make.needed):
            if needed not in p:
                raise answers.Refused("ValidationException", f"1 validation error detected: Value null at '{needed}' failed to satisfy constraint: Member must not be null")
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name):
            raise answers.Refused("ValidationException", f"1 validation error detected: Value '{name}' at '{self.kind.lower()}JobName' failed to satisfy constraint: "
                                  "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
        job = self.make(p, call.region, self)
        with self._lock:
            if name in self._jobs:
                raise answers.Refused("ResourceInUse", f"{self.kind} job names must be unique within an AWS account and region, "
                                      f"and a {self.kind.lower()} job with this name already exists ({job.arn})")
            self._jobs[name] = job
        self.tags[job.arn] = {t["Key"]: t["Value"] for t in p.get("Tags") or []}
        threading.Thread(target=job.run, daemon=True).start()
        return {f"{self.kind}JobArn": job.arn}

    def describe(self, call):
        return self._find(call).describe()

    def list(self, call):
        p = call.parameters
        with self._lock:
            chosen = [j for j in reversed(self._jobs.values()) if p.get("StatusEquals") in (None, j.status) and p.get("NameContains", "") in j.name
                      and (p.get("CreationTimeAfter") or 0) <= j.created <= (p.get("CreationTimeBefore") or float("inf"))]
        first, most = int(p.get("NextToken") or 0), p.get("MaxResults") or 10
        page = {f"{self.kind}JobSummaries": [j.summary() for j in chosen[first:first + most]]}
        return {**page, "NextToken": str(first + most)} if len(chosen) > first + most else page

    def stop(self, call):
        job = self._find(call)
        if not job.stop():
            raise answers.Refused("ValidationException", f"The request was rejected because the {self.kind.lower()} job is in status {job.status}.")
        return {}

    def by_name(self, name):
        with self._lock:
            return self._jobs[name]

    def reset(self):
        processes.end(self.name)
        with self._lock:
            self._jobs.clear()

    def _find(self, call):
        with self._lock:
            job = self._jobs.get(call.parameters.get(f"{self.kind}JobName"))
        if job is None:
            raise answers.Refused("ValidationException", "Requested resource not found.")
        return job


class Job:
    """One job: prepare, run, upload; InProgress (Stopping) until Completed, Failed or Stopped. Its folder stands for the container's /opt/ml:
    arguments and environment that name /opt/ml are pointed there."""

    needed = ()

    def __init__(self, wanted, region, jobs):
        self.wanted, self.region, self.jobs, self.name = wanted, region, jobs, wanted[f"{jobs.kind}JobName"]
        self.arn = f"arn:aws:sagemaker:{region}:123456789012:{jobs.kind.lower()}-job/{self.name}"
        self.folder = jobs.root / self.name
        self.status, self.reason = "InProgress", None
        self.created, self.began, self.ended = time.time(), None, None
        self.starved = getattr(jobs.capacity_missing, "now", False)
        self._process, self._stopping, self._lock = None, threading.Event(), threading.RLock()

    def run(self):
        try:
            if self._stopping.wait(self.jobs.settings["jobStartDelaySeconds"]):
                return self.end("Stopped")
            if self.starved:
                return self.end("Failed", "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type.")
            self.at("Downloading")
            environment = {**self.environment(), processes.MARK: f"{self.jobs.name}/{self.name}/"}
            command = [self.here(part) for part in self.command()]
            self.began = time.time()
            self.at("Training")
            code, timed_out = self._execute(command, environment)
            self.at("Uploading")
            self.upload()
            if timed_out:
                return self.out_of_time()
            if self._stopping.is_set():
                return self.end("Stopped")
            return self.end("Completed") if code == 0 else self.failed(code)
        except Exception as broken:  # the caller's data or script is at fault: the job ends, the service lives
            return self.end("Failed", f"ClientError: {broken}")

    def stop(self):
        """True when there was something to stop."""
        with self._lock:
            if self.status != "InProgress":
                return False
            self.status = "Stopping"
            self.at("Stopping")
            self._stopping.set()
            if self._process:
                self._stop_process()
            return True

    def at(self, phase):
        """The job enters a phase."""

    def end(self, status, reason=None):
        with self._lock:
            self.ended, self.reason, self.status = time.time(), reason, status

    def here(self, text):
        """A path of the container as one of this machine."""
        return re.sub(r"/opt/ml(?=/|$)", str(self.folder), str(text))

    def shared_environment(self):
        """The environment of every container; any credentials stand for its role's."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.folder), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1",
            "AWS_ENDPOINT_URL": self.jobs.endpoint, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, "AWS_ACCESS_KEY_ID": "job", "AWS_SECRET_ACCESS_KEY": "job",
            "AWS_EC2_METADATA_DISABLED": "true", **{name: os.environ[name] for name in ("LIGHTGBM_LIBRARY",) if name in os.environ},
            **{name: self.here(value) for name, value in (self.wanted.get("Environment") or {}).items()},
        }

    def told(self):
        """Last words of the job: /opt/ml/output/failure if it wrote that, else the end of its log."""
        failure = self.folder / "output" / "failure"
        return (failure if failure.exists() else self.folder / "log").read_text(errors="replace")[-900:].strip()

    def download(self, uri, target):
        """Everything under an S3 prefix; the number of objects."""
        bucket, prefix = bucket_of(uri)
        target.mkdir(parents=True, exist_ok=True)
        found = 0
        for page in self.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                relative = item["Key"][len(prefix):].lstrip("/") or item["Key"].rsplit("/", 1)[-1]
                path = (target / relative).resolve()
                if not item["Key"].endswith("/") and path.is_relative_to(target.resolve()):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self.s3().download_file(bucket, item["Key"], str(path))
                    found += 1
        if not found:
            raise FileNotFoundError(f"Data download failed:No S3 objects found under S3 URL \"{uri}\" given in input data source.")
        return found

    def s3(self):
        return boto3.client("s3", endpoint_url=self.jobs.endpoint, region_name=self.region, aws_access_key_id="job", aws_secret_access_key="job")

    def _execute(self, command, environment):
        with self._lock, open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(command, cwd=self.folder / "code", env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            if self._stopping.is_set():
                self._stop_process()
        limit = (self.wanted.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or 86400
        try:
            return self._process.wait(limit), False
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self._process.wait(), True
        finally:
            processes.end(f"{self.jobs.name}/{self.name}/")

    def _stop_process(self):
        """SIGTERM, then SIGKILL after the grace (two minutes at AWS)."""
        self._signal(signal.SIGTERM)
        timer = threading.Timer(self.jobs.settings["jobStopGraceSeconds"], lambda: self._signal(signal.SIGKILL))
        timer.daemon = True
        timer.start()

    def _signal(self, sign):
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, sign)
            except ProcessLookupError:
                pass


def pack(folder, target):
    """A tar.gz of what is in a folder; None when that is nothing."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    with tarfile.open(target, "w:gz") as tar:
        for child in sorted(folder.iterdir()):
            tar.add(child, child.name)
    return target


def plain(text):
    """Hyperparameters of the SDK's script mode are JSON texts; plain words stay words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def bucket_of(uri):
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
    if not match:
        raise ValueError(f"'{uri}' is no S3 address")
    return match.groups()
