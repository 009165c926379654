"""Training jobs: script mode (sagemaker_program in sagemaker_submit_directory) or ContainerEntrypoint, SM_* environment, model.tar.gz and output.tar.gz on S3."""
import json
import os
import shutil
import signal
import tarfile
import time

from .jobs import PYTHON, Job, bucket_of, pack, plain

_MESSAGES = {"Starting": "Preparing the instances for training", "Downloading": "Downloading the training image", "Training": "Training image download completed. Training in progress.",
             "Stopping": "Stopping the training job", "Uploading": "Uploading generated training model", "Completed": "Training job completed", "Failed": "Training job failed",
             "Stopped": "Training job stopped", "Interrupted": "Training job interrupted: the managed spot instances were reclaimed",
             "MaxWaitTimeExceeded": "Training job waited longer than MaxWaitTimeInSeconds for spot capacity", "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided"}


class TrainingJob(Job):
    """Starting, Downloading, Training, Uploading, then Completed, Failed, Stopped, MaxRuntimeExceeded or MaxWaitTimeExceeded."""

    needed = ("AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition")

    def __init__(self, wanted, region, jobs):
        super().__init__(wanted, region, jobs)
        self.secondary, self.transitions, self.model = None, [], None
        self.reclaimed, self.waited_in_vain = None, False
        self.hyper = {name: plain(text) for name, text in (wanted.get("HyperParameters") or {}).items()}
        self.own = {name: value for name, value in self.hyper.items() if not name.startswith("sagemaker_")}
        self.at("Starting")

    def environment(self):
        for part in ("model", "code", "input/data", "input/config", "output/data"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        channels = {}
        for channel in self.wanted.get("InputDataConfig") or []:
            target = self.folder / "input" / "data" / channel["ChannelName"]
            self.download(channel["DataSource"]["S3DataSource"]["S3Uri"], target)
            channels[channel["ChannelName"]] = str(target)
        (self.folder / "input/config/hyperparameters.json").write_text(json.dumps(self.wanted.get("HyperParameters") or {}))
        (self.folder / "input/config/inputdataconfig.json").write_text(json.dumps({c["ChannelName"]: c for c in self.wanted.get("InputDataConfig") or []}))
        self._unpack_source()
        return {
            **self.shared_environment(), "SM_MODEL_DIR": str(self.folder / "model"), "SM_OUTPUT_DIR": str(self.folder / "output"), "SM_OUTPUT_DATA_DIR": str(self.folder / "output/data"),
            "SM_INPUT_DIR": str(self.folder / "input"), "SM_INPUT_CONFIG_DIR": str(self.folder / "input/config"), "SM_CHANNELS": json.dumps(sorted(channels)), "SM_HPS": json.dumps(self.own),
            "SM_NUM_GPUS": "0", "SM_NUM_CPUS": str(os.cpu_count()), "SM_CURRENT_HOST": "algo-1", "SM_HOSTS": '["algo-1"]', "SM_TRAINING_ENV": json.dumps({"hyperparameters": self.own}),
            "TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn,
            **{f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()}, **{f"SM_HP_{name.upper().replace('-', '_')}": str(value) for name, value in self.own.items()},
        }

    def command(self):
        algorithm, program = self.wanted["AlgorithmSpecification"], self.hyper.get("sagemaker_program")
        if algorithm.get("ContainerEntrypoint"):
            return [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]
        if not program:
            raise ValueError("neither ContainerEntrypoint nor the hyperparameter sagemaker_program says what to run")
        return [PYTHON, str(self.folder / "code" / program), *(part for name, value in sorted(self.own.items()) for part in (f"--{name}", str(value)))]

    def upload(self):
        bucket, prefix = bucket_of(self.wanted["OutputDataConfig"]["S3OutputPath"])
        target = "/".join(part for part in (prefix.strip("/"), self.name, "output") if part)
        for name, source in (("model", "model"), ("output", "output/data")):
            packed = pack(self.folder / source, self.folder / f"{name}.tar.gz")
            if packed:
                self.s3().upload_file(str(packed), bucket, f"{target}/{name}.tar.gz")
                if name == "model":
                    self.model = f"s3://{bucket}/{target}/model.tar.gz"
        shutil.rmtree(self.folder / "input/data", ignore_errors=True)

    def failed(self, code):
        self.end("Failed", f"AlgorithmError: ExecuteUserScriptError:\nExitCode {code}\nErrorMessage \"{self.told()}\", exit code: {code}")

    def out_of_time(self):
        self.end("Stopped", secondary="MaxWaitTimeExceeded" if self.waited_in_vain else "MaxRuntimeExceeded")

    def interrupt(self, capacity_returns):
        """The machine of a spot job is taken away. The job runs once more from its beginning when capacity returns; when it does not, its wait is over at once.
        False: there is nothing to take, it is no spot job or its script does not run."""
        with self._lock:
            if not self.wanted.get("EnableManagedSpotTraining") or self.status != "InProgress" or self.secondary != "Training" or not self._process or self._process.poll() is not None:
                return False
            self.reclaimed = capacity_returns
            self._signal(signal.SIGKILL)
            return True

    def _execute(self, command, environment):
        code, timed_out = super()._execute(command, environment)
        while self.reclaimed is not None and not self._stopping.is_set():
            self.at("Interrupted")
            if not self.reclaimed:
                self.waited_in_vain = True
                return code, True
            self.reclaimed = None
            self.at("Starting")
            self.at("Training")
            code, timed_out = super()._execute(command, environment)
        return code, timed_out

    def at(self, phase):
        now = time.time()
        if self.transitions:
            self.transitions[-1]["EndTime"] = now
        self.secondary = phase
        self.transitions.append({"Status": phase, "StartTime": now, "StatusMessage": _MESSAGES.get(phase, phase)})

    def end(self, status, reason=None, secondary=None):
        with self._lock:
            self.at(secondary or status)
            self.transitions[-1]["EndTime"] = time.time()
            super().end(status, reason)

    def describe(self):
        answer = {name: value for name, value in self.wanted.items() if name != "Tags"}
        answer |= {**self.summary(), "SecondaryStatusTransitions": self.transitions, "ModelArtifacts": {"S3ModelArtifacts": self.model} if self.model else {}}
        answer |= {"FailureReason": self.reason} if self.reason else {}
        answer |= {"TrainingStartTime": self.began} if self.began else {}
        if self.ended:
            seconds = int(self.ended - (self.began or self.ended) + 0.999)
            # Spot training is billed below its time; a third of it here, so that a mistaken field shows.
            answer |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": -(-seconds // 3) if self.wanted.get("EnableManagedSpotTraining") else seconds}
        return answer

    def summary(self):
        return {"TrainingJobName": self.name, "TrainingJobArn": self.arn, "CreationTime": self.created, "LastModifiedTime": self.ended or time.time(),
                "TrainingJobStatus": self.status, "SecondaryStatus": self.secondary, **({"TrainingEndTime": self.ended} if self.ended else {})}

    def _unpack_source(self):
        source = self.hyper.get("sagemaker_submit_directory")
        if source:
            self.download(source, self.folder / "source")
            for packed in (self.folder / "source").rglob("*.tar.gz"):
                with tarfile.open(packed) as tar:
                    tar.extractall(self.folder / "code", filter="data")
