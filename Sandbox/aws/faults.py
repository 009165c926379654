"""Faults on request: the next calls of an operation are throttled, refused, delayed, or done and then not answered."""
import itertools
import threading
import time

from . import answers

# kind: by service (code, status); "*" for all others.
_ERRORS = {
    "throttle": {"ec2": ("RequestLimitExceeded", 503), "s3": ("SlowDown", 503), "sts": ("Throttling", 400), "*": ("ThrottlingException", 400)},
    "expired": {"ec2": ("RequestExpired", 400), "s3": ("ExpiredToken", 400), "sts": ("ExpiredToken", 403), "*": ("ExpiredTokenException", 400)},
    "denied": {"ec2": ("UnauthorizedOperation", 403), "s3": ("AccessDenied", 403), "sts": ("AccessDenied", 403), "*": ("AccessDeniedException", 400)},
    "insufficient-capacity": {"*": ("InsufficientInstanceCapacity", 500)},
    "500": {"s3": ("InternalError", 500), "ec2": ("InternalError", 500), "sts": ("InternalFailure", 500), "*": ("InternalServerError", 500)},
}

# timeout: nothing done, and no answer: the connection breaks after `seconds`. lost-reply: done, then the connection breaks. hang-stop: the machine stays in "stopping" until it is
# stopped with force; hang-stop-for-ever: until the fault is removed. slow: `seconds` before it is done.
KINDS = (*_ERRORS, "timeout", "lost-reply", "slow", "hang-stop", "hang-stop-for-ever")


class Faults:
    """The faults that wait for their calls. A fault: {service, operation, kind, times (default 1; -1 forever), match, skip, seconds}."""

    def __init__(self):
        self._lock, self._list, self._numbers = threading.Lock(), [], itertools.count(1)

    def add(self, wanted):
        unknown = set(wanted) - {"service", "operation", "kind", "times", "match", "skip", "seconds"}
        if unknown or wanted.get("kind") not in KINDS:
            raise ValueError(f"unknown fields {sorted(unknown)} or kind {wanted.get('kind')!r}; kinds: {', '.join(KINDS)}")
        fault = {"service": "*", "operation": "*", "times": 1, "match": "", "skip": 0, "seconds": 60, "met": 0, **wanted, "id": next(self._numbers)}
        with self._lock:
            self._list.append(fault)
        return fault

    def clear(self):
        with self._lock:
            self._list.clear()

    def list(self):
        with self._lock:
            return [dict(fault) for fault in self._list]

    def take(self, call):
        """The fault that meets this call, counted down; None when there is none."""
        with self._lock:
            for fault in self._list:
                if fault["times"] == 0 or fault["service"] not in ("*", call.service) or fault["operation"] not in ("*", call.operation) or fault["match"] not in call.text():
                    continue
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] -= 1 if fault["times"] > 0 else 0
                fault["met"] += 1
                return dict(fault)
        return None

    def hangs(self, kind, instance_id):
        with self._lock:
            return any(fault["kind"] == kind and concerns(fault["match"], instance_id) for fault in self._list)


def concerns(match, instance_id):
    """True when a fault matches this machine or has no match. None is no fault."""
    return match is not None and (match in instance_id or not match.startswith("i-"))


def refusal(fault, call):
    """The answer of a fault that is an error; None for the other kinds."""
    by_service = _ERRORS.get(fault["kind"])
    if by_service is None:
        return None
    if fault["kind"] == "insufficient-capacity" and call.service == "sagemaker":
        return None  # there the job is taken, and fails
    code, status = by_service.get(call.service, by_service["*"])
    return answers.error(call, code, f"Injected by the sandbox: {fault['kind']}.", status)


def sleep(seconds, stopping):
    """Waits, but not beyond the sandbox's own end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stopping.wait(min(0.2, max(0.0, end - time.monotonic()))):
        pass
