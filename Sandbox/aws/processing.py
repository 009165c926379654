"""Processing jobs: inputs from S3, the container's entry point, outputs to S3. Paths below /opt/ml/processing are folders of the job."""
import json
import pathlib
import time

from .jobs import PYTHON, Job, bucket_of


class ProcessingJob(Job):
    """InProgress, then Completed, Failed or Stopped; ExitMessage is the end of /opt/ml/output/message."""

    needed = ("AppSpecification", "ProcessingResources")

    def environment(self):
        for part in ("code", "output", "config", "processing"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for given in self.wanted.get("ProcessingInputs") or []:
            self.download(given["S3Input"]["S3Uri"], self._local(given["S3Input"]["LocalPath"]))
        for made in self._outputs():
            self._local(made["LocalPath"]).mkdir(parents=True, exist_ok=True)
        (self.folder / "config" / "processingjobconfig.json").write_text(json.dumps(self.wanted))
        return {**self.shared_environment(), "PROCESSING_JOB_NAME": self.name, "PROCESSING_JOB_ARN": self.arn}

    def command(self):
        wanted = self.wanted["AppSpecification"]
        if not wanted.get("ContainerEntrypoint"):
            raise ValueError("ContainerEntrypoint does not say what to run, and an image is not run here")
        first, *rest = wanted["ContainerEntrypoint"]
        return [PYTHON if first in ("python", "python3") else first, *rest, *(wanted.get("ContainerArguments") or [])]

    def upload(self):
        for made in self._outputs():
            bucket, prefix = bucket_of(made["S3Uri"])
            folder = self._local(made["LocalPath"])
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                self.s3().upload_file(str(file), bucket, "/".join(part for part in (prefix.strip("/"), file.relative_to(folder).as_posix()) if part))

    def failed(self, code):
        self.end("Failed", f"AlgorithmError: See job logs for more information: {self.told()}, exit code: {code}")

    def out_of_time(self):
        self.end("Stopped", "ClientError: Job stopped: it ran longer than MaxRuntimeInSeconds")

    def describe(self):
        message = self.folder / "output" / "message"
        answer = {name: value for name, value in self.wanted.items() if name != "Tags"} | self.summary()
        answer |= {"FailureReason": self.reason} if self.reason else {}
        answer |= {"ProcessingStartTime": self.began} if self.began else {}
        return answer | ({"ExitMessage": message.read_text(errors="replace")[:1024]} if self.ended and message.exists() else {})

    def summary(self):
        return {"ProcessingJobName": self.name, "ProcessingJobArn": self.arn, "CreationTime": self.created, "LastModifiedTime": self.ended or time.time(),
                "ProcessingJobStatus": self.status, **({"ProcessingEndTime": self.ended} if self.ended else {})}

    def _outputs(self):
        return [output["S3Output"] for output in (self.wanted.get("ProcessingOutputConfig") or {}).get("Outputs") or []]

    def _local(self, path):
        if not path.startswith("/opt/ml/processing/") or ".." in pathlib.PurePosixPath(path).parts:
            raise ValueError(f"LocalPath '{path}' is not below /opt/ml/processing")
        return pathlib.Path(self.here(path))
