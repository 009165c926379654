"""SageMaker training jobs that train: the script runs in a process with the SM_* environment, its model is packed and put on S3, states follow it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time

import boto3

from . import answers, processes

_SECONDARY = {"Starting": "Starting the training job", "Downloading": "Downloading input data", "Training": "Training", "Uploading": "Uploading generated training model",
              "Completed": "Training job completed", "Failed": "Training job failed", "Stopped": "Training job stopped", "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds"}


class Jobs:
    """Training jobs by name; a name is taken for ever, as it is in an account."""

    def __init__(self, root, name, endpoint, settings):
        self.root, self.name, self.endpoint, self.settings = pathlib.Path(root) / "jobs", f"{name}/job", endpoint, settings
        self._jobs, self._lock = {}, threading.Lock()

    def operations(self):
        return {"CreateTrainingJob": self.create, "DescribeTrainingJob": self.describe, "ListTrainingJobs": self.list, "StopTrainingJob": self.stop}

    def create(self, call):
        p = call.parameters
        for needed in ("TrainingJobName", "RoleArn", "AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition"):
            if needed not in p:
                raise answers.Refused("ValidationException", f"Value null at '{needed}' failed to satisfy constraint: Member must not be null")
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", p["TrainingJobName"]):
            raise answers.Refused("ValidationException", f"Value '{p['TrainingJobName']}' at 'trainingJobName' failed to satisfy constraint")
        job = _Job(p, call.region, self)
        with self._lock:
            if p["TrainingJobName"] in self._jobs:
                raise answers.Refused("ResourceInUse", f"Training job names must be unique within an AWS account and region, and a training job with this name already exists ({job.arn})")
            self._jobs[p["TrainingJobName"]] = job
        threading.Thread(target=job.run, daemon=True).start()
        return {"TrainingJobArn": job.arn}

    def describe(self, call):
        return self._find(call).describe()

    def list(self, call):
        p = call.parameters
        with self._lock:
            chosen = [j for j in reversed(self._jobs.values()) if p.get("StatusEquals") in (None, j.status) and p.get("NameContains", "") in j.name]
        first, most = int(p.get("NextToken") or 0), p.get("MaxResults") or 10
        page = {"TrainingJobSummaries": [j.summary() for j in chosen[first:first + most]]}
        return {**page, "NextToken": str(first + most)} if len(chosen) > first + most else page

    def stop(self, call):
        job = self._find(call)
        if job.status != "InProgress":
            raise answers.Refused("ValidationException", f"The request was rejected because the training job is in status {job.status}.")
        job.stop()
        return {}

    def reset(self):
        processes.end(self.name)
        with self._lock:
            self._jobs.clear()

    def _find(self, call):
        with self._lock:
            job = self._jobs.get(call.parameters.get("TrainingJobName"))
        if job is None:
            raise answers.Refused("ValidationException", "Requested resource not found.")
        return job


class _Job:
    def __init__(self, wanted, region, jobs):
        self.wanted, self.region, self.jobs, self.name = wanted, region, jobs, wanted["TrainingJobName"]
        self.arn = f"arn:aws:sagemaker:{region}:123456789012:training-job/{self.name}"
        self.status, self.secondary, self.reason, self.transitions = "InProgress", None, None, []
        self.created, self.began, self.ended, self.model = time.time(), None, None, None
        self._process, self._stopping = None, threading.Event()
        self._to("Starting")

    def run(self):
        folder = self.jobs.root / self.name
        try:
            if self._stopping.wait(self.jobs.settings["jobStartDelaySeconds"]):
                return self._end("Stopped", "Stopped")
            self._to("Downloading")
            for part in ("model", "code", "input/data", "input/config", "output/data"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            environment = self._prepare(folder)
            command = self._command(folder)
            self.began = time.time()
            self._to("Training")
            code, timed_out = self._train(command, folder, environment)
            self._to("Uploading")
            self._upload(folder)
            if timed_out:
                return self._end("Stopped", "MaxRuntimeExceeded")
            if self._stopping.is_set():
                return self._end("Stopped", "Stopped")
            if code != 0:
                failure = folder / "output" / "failure"
                told = failure.read_text(errors="replace")[:900] if failure.exists() else (folder / "log").read_text(errors="replace")[-900:]
                return self._end("Failed", "Failed", f"AlgorithmError: ExecuteUserScriptError: ExitCode {code} ErrorMessage \"{told.strip()}\", exit code: {code}")
            return self._end("Completed", "Completed")
        except Exception as broken:  # the service's own fault or the caller's data: the job ends, the service lives
            return self._end("Failed", "Failed", f"ClientError: {broken}")

    def stop(self):
        self._stopping.set()
        self.status = "Stopping"
        self._to("Stopping")
        if self._process:
            self._signal(signal.SIGTERM)

    def describe(self):
        w = self.wanted
        answer = {k: w[k] for k in ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "HyperParameters", "Environment") if k in w}
        answer |= {**self.summary(), "SecondaryStatusTransitions": self.transitions, "ModelArtifacts": {"S3ModelArtifacts": self.model} if self.model else {}}
        answer |= {"FailureReason": self.reason} if self.reason else {}
        answer |= {"TrainingStartTime": self.began} if self.began else {}
        if self.ended:
            seconds = int(self.ended - (self.began or self.ended) + 0.999)
            answer |= {"TrainingEndTime": self.ended, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return answer

    def summary(self):
        return {"TrainingJobName": self.name, "TrainingJobArn": self.arn, "CreationTime": self.created, "LastModifiedTime": self.ended or time.time(),
                "TrainingJobStatus": self.status, "SecondaryStatus": self.secondary, **({"TrainingEndTime": self.ended} if self.ended else {})}

    def _prepare(self, folder):
        w, channels = self.wanted, {}
        for channel in w.get("InputDataConfig") or []:
            target = folder / "input" / "data" / channel["ChannelName"]
            if not self._download(channel["DataSource"]["S3DataSource"]["S3Uri"], target):
                raise FileNotFoundError(f"Data download failed: no object under {channel['DataSource']['S3DataSource']['S3Uri']}")
            channels[channel["ChannelName"]] = str(target)
        hyper = {name: _value(text) for name, text in (w.get("HyperParameters") or {}).items()}
        plain = {name: value for name, value in hyper.items() if not name.startswith("sagemaker_")}
        (folder / "input" / "config" / "hyperparameters.json").write_text(json.dumps(w.get("HyperParameters") or {}))
        (folder / "input" / "config" / "inputdataconfig.json").write_text(json.dumps(w.get("InputDataConfig") or []))
        source = hyper.get("sagemaker_submit_directory")
        if source:
            archive = folder / "source"
            self._download(source, archive)
            for packed in archive.rglob("*.tar.gz"):
                with tarfile.open(packed) as tar:
                    tar.extractall(folder / "code", filter="data")
        return {
            **os.environ, **(w.get("Environment") or {}), "AWS_ENDPOINT_URL": self.jobs.endpoint, "AWS_REGION": self.region, "AWS_ACCESS_KEY_ID": "job", "AWS_SECRET_ACCESS_KEY": "job",
            "SM_MODEL_DIR": str(folder / "model"), "SM_OUTPUT_DIR": str(folder / "output"), "SM_OUTPUT_DATA_DIR": str(folder / "output" / "data"), "SM_INPUT_DIR": str(folder / "input"),
            "SM_INPUT_CONFIG_DIR": str(folder / "input" / "config"), "SM_CHANNELS": json.dumps(sorted(channels)), "SM_HPS": json.dumps(plain), "SM_NUM_GPUS": "0",
            "SM_NUM_CPUS": str(os.cpu_count()), "SM_CURRENT_HOST": "algo-1", "SM_HOSTS": '["algo-1"]', "SM_TRAINING_ENV": "{}", "TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn,
            **{f"SM_CHANNEL_{n.upper()}": path for n, path in channels.items()}, **{f"SM_HP_{n.upper().replace('-', '_')}": str(v) for n, v in plain.items()},
            processes.MARK: f"{self.jobs.name}/{self.name}/", "PYTHONUNBUFFERED": "1",
        }

    def _command(self, folder):
        algorithm = self.wanted["AlgorithmSpecification"]
        if algorithm.get("ContainerEntrypoint"):
            return [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]
        hyper = {name: _value(text) for name, text in (self.wanted.get("HyperParameters") or {}).items()}
        program = hyper.get("sagemaker_program")
        if not program:
            raise ValueError("neither ContainerEntrypoint nor the hyperparameter sagemaker_program says what to run")
        arguments = [part for name, value in sorted(hyper.items()) if not name.startswith("sagemaker_") for part in (f"--{name}", str(value))]
        return [sys.executable, str(folder / "code" / program), *arguments]

    def _train(self, command, folder, environment):
        with open(folder / "log", "wb") as log:
            self._process = subprocess.Popen(command, cwd=folder / "code", env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        try:
            return self._process.wait(self.wanted["StoppingCondition"].get("MaxRuntimeInSeconds") or 86400), False
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self._process.wait(), True
        finally:
            processes.end(f"{self.jobs.name}/{self.name}/")

    def _upload(self, folder):
        bucket, prefix = _bucket(self.wanted["OutputDataConfig"]["S3OutputPath"])
        target = "/".join(part for part in (prefix.strip("/"), self.name, "output") if part)
        for name, source in (("model", folder / "model"), ("output", folder / "output" / "data")):
            if any(source.iterdir()):
                packed = folder / f"{name}.tar.gz"
                with tarfile.open(packed, "w:gz") as tar:
                    for child in sorted(source.iterdir()):
                        tar.add(child, child.name)
                self._s3().upload_file(str(packed), bucket, f"{target}/{name}.tar.gz")
                if name == "model":
                    self.model = f"s3://{bucket}/{target}/model.tar.gz"
        shutil.rmtree(folder / "input" / "data", ignore_errors=True)

    def _download(self, uri, target):
        bucket, prefix = _bucket(uri)
        target.mkdir(parents=True, exist_ok=True)
        found = 0
        for page in self._s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                relative = item["Key"][len(prefix):].lstrip("/") or item["Key"].rsplit("/", 1)[-1]
                path = (target / relative).resolve()
                if item["Size"] > 0 and path.is_relative_to(target.resolve()):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._s3().download_file(bucket, item["Key"], str(path))
                    found += 1
        return found

    def _s3(self):
        return boto3.client("s3", endpoint_url=self.jobs.endpoint, region_name=self.region, aws_access_key_id="job", aws_secret_access_key="job")

    def _to(self, secondary):
        now = time.time()
        if self.transitions:
            self.transitions[-1]["EndTime"] = now
        self.secondary = secondary
        self.transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": _SECONDARY.get(secondary, secondary)})

    def _end(self, status, secondary, reason=None):
        self._to(secondary)
        self.transitions[-1]["EndTime"] = self.ended = time.time()
        self.reason, self.status = reason, status

    def _signal(self, sign):
        try:
            os.killpg(self._process.pid, sign)
        except ProcessLookupError:
            pass


def _value(text):
    """Hyperparameters of the SDK's script mode are JSON texts; plain words stay words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _bucket(uri):
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
    if not match:
        raise ValueError(f"'{uri}' is no S3 address")
    return match.groups()
