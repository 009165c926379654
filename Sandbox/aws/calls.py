"""One request as the sandbox sees it: which service, which operation, with which parameters; and the log of all of them."""
import json
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

_TARGETS = {"AmazonSSM": "ssm", "SageMaker": "sagemaker", "AWSPriceListService": "pricing"}
_PUT = {"uploads": "CreateMultipartUpload", "partNumber": "UploadPart", "uploadId": "CompleteMultipartUpload"}


@dataclass
class Call:
    """A request, read once. `parameters` are the form fields of EC2, the JSON of the JSON services, bucket and key of S3."""

    service: str
    operation: str
    parameters: dict
    access_key: str = ""
    region: str = "us-east-1"
    at: float = field(default_factory=time.time)
    outcome: str = "passed"

    def text(self):
        """The text in which a fault's `match` is searched."""
        return json.dumps({"region": self.region, **self.parameters}, sort_keys=True)


def read(environ, body):
    """The call of a WSGI request, or None when it is none of AWS's."""
    credential = re.search(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, signed_for = credential.groups() if credential else ("", "us-east-1", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if "." in target:
        prefix, operation = target.rsplit(".", 1)
        return Call(_TARGETS.get(prefix, signed_for or prefix), operation, json.loads(body or b"{}"), access_key, region)
    fields = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if b"Action=" in body else {}
    if "Action" in fields:
        return Call(signed_for or "ec2", fields["Action"], fields, access_key, region)
    if signed_for == "s3":
        return Call("s3", *_s3(environ), access_key, region)
    return None


def _s3(environ):
    query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    bucket, _, key = environ.get("PATH_INFO", "/").lstrip("/").partition("/")
    method = environ["REQUEST_METHOD"]
    if not key:
        names = {"GET": "ListObjectsV2" if "list-type" in query else "ListObjects", "PUT": "CreateBucket", "POST": "DeleteObjects", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
        operation = names.get(method, method) if bucket else "ListBuckets"
    elif method == "PUT" and environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        operation = "UploadPartCopy" if "partNumber" in query else "CopyObject"
    elif method in ("PUT", "POST") and set(query) & set(_PUT):
        operation = next(name for sign, name in _PUT.items() if sign in query)
    else:
        operation = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, method)
    return operation, {"Bucket": bucket, "Key": key, **{name: values[0] for name, values in query.items()}}


class CallLog:
    """The last calls, oldest first; 10,000 at most."""

    def __init__(self):
        self._lock, self._calls = threading.Lock(), []

    def add(self, call):
        with self._lock:
            self._calls.append(call)
            del self._calls[:-10_000]

    def list(self, service=None, operation=None):
        with self._lock:
            return [vars(c) for c in self._calls if service in (None, c.service) and operation in (None, c.operation)]

    def clear(self):
        with self._lock:
            self._calls.clear()
