"""AWS's own service models, as botocore reads them, against what our clients sent and understood.

  botocore_check.py samples                answers to give to each operation, errors, endpoints: JSON on standard output
  botocore_check.py check <evidence.json   what differs in each operation's request, signature, response and errors: JSON on standard output
"""
import datetime
import hashlib
import json
import pathlib
import re
import sys

import botocore.session
from botocore import parsers, serialize
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider

SERVICES = json.loads((pathlib.Path(__file__).parents[2] / "AwsServices/Generator/services.json").read_text())
SESSION = botocore.session.get_session()
REGIONS = ["us-east-1", "ap-northeast-2", "eu-central-1", "cn-north-1", "us-gov-west-1"]


def protocol(model):
    return model.metadata["protocol"]


def wanted(model):
    return SERVICES[model.service_name]


def own_name(model, shape, name, owner=None):
    """What the .NET clients call a member."""
    return wanted(model).get("renamed", {}).get(f"{owner or shape.name}.{name}", name[:1].upper() + name[1:])


# ---- answers: a value for every member of a shape, and its bytes

def sample(shape, at=""):
    kind = shape.type_name
    if kind == "structure":
        return {name: sample(member, f"{at}.{name}") for name, member in shape.members.items()}
    if kind == "list":
        return [sample(shape.member, at + "[0]"), sample(shape.member, at + "[1]")]
    if kind == "map":
        return {"key one": sample(shape.value, at + "{}"), "key.two/é": sample(shape.value, at + "{}")}
    if kind == "timestamp":
        return datetime.datetime(2026, 2, 12, 3, 4, 5 + len(at) % 50, tzinfo=datetime.timezone.utc)
    if kind == "string":
        return shape.enum[-1] if getattr(shape, "enum", None) else f'{at} é<&>"'
    return {"integer": 7 + len(at), "long": 1 << 40, "float": 1.5, "double": 0.125, "boolean": len(at) % 2 == 0}[kind]


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.timestamp() if isinstance(value, datetime.datetime) else value


def answer(model, operation):
    shape = operation.output_shape
    return json.dumps(plain(sample(shape))) if shape else ""


def errors(model, operation):
    found, space = [], "Amazon." + wanted(model)["namespace"]
    for shape in operation.error_shapes:
        code = shape.metadata.get("error", {}).get("code", shape.name)
        fields = {n: sample(m, n) for n, m in shape.members.items() if n.lower() != "message"}
        name = shape.name if shape.name.endswith("Exception") else shape.name + "Exception"
        found.append({"type": f"{space}.Model.{name}", "code": code, "message": "no", "members": dump(model, shape, fields),
                      "body": json.dumps({"__type": "com.amazon#" + code, "message": "no", **plain(fields)})})
    return found + [{"type": f"{space}.Amazon{wanted(model)['namespace']}Exception", "code": "Unheard", "message": "of", "members": {},
                     "body": json.dumps({"__type": "Unheard", "message": "of"})}]


def samples():
    result = {"operations": [], "endpoints": []}
    partitions = SESSION.get_data("partitions")
    for service in SERVICES:
        model = SESSION.get_service_model(service)
        for name in SERVICES[service]["operations"]:
            operation = model.operation_model(name)
            result["operations"].append({"service": SERVICES[service]["namespace"], "operation": name, "errors": errors(model, operation), "body": answer(model, operation),
                                         "contentType": f"application/x-amz-json-{model.metadata['jsonVersion']}"})
        rules = EndpointProvider(SESSION.get_component("data_loader").load_service_model(service, "endpoint-rule-set-1"), partitions)
        for region in REGIONS:
            endpoint = rules.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
            result["endpoints"].append({"service": SERVICES[service]["namespace"], "region": region, "url": endpoint.url})
    return result


# ---- what our clients did, against what botocore would do

def dump(model, shape, value, owner=None):
    """A value of botocore's as the .NET clients would show it."""
    if value is None:
        return None
    if shape.type_name == "structure":
        return {own_name(model, shape, n, owner): dump(model, m, value[n]) for n, m in shape.members.items() if n in value}
    if shape.type_name == "list":
        return [dump(model, shape.member, v) for v in value]
    if shape.type_name == "map":
        return {k: dump(model, shape.value, v) for k, v in value.items()}
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    return value


def parameters(model, shape, shown, unknown, owner=None, at=""):
    """What the .NET clients show, as botocore's parameters; names the model lacks go to unknown."""
    if shape.type_name == "structure":
        names = {own_name(model, shape, n, owner): n for n in shape.members}
        unknown.extend(f"{at}.{key} is not in the model" for key in shown if key not in names)
        return {names[k]: parameters(model, shape.members[names[k]], v, unknown, at=f"{at}.{k}") for k, v in shown.items() if k in names}
    if shape.type_name == "list":
        return [parameters(model, shape.member, v, unknown, at=at) for v in shown]
    if shape.type_name == "map":
        return {k: parameters(model, shape.value, v, unknown, at=at) for k, v in shown.items()}
    return datetime.datetime.fromisoformat(shown) if shape.type_name == "timestamp" else shown


def differences(ours, theirs, at):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key), theirs.get(key), f"{at}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{at}[{i}]")
    elif isinstance(ours, float) or isinstance(theirs, float):
        if ours is None or theirs is None or abs(ours - theirs) > 1e-9:
            yield f"{at}: ours {ours!r}, botocore {theirs!r}"
    elif ours != theirs or type(ours) is not type(theirs):
        yield f"{at}: ours {ours!r}, botocore {theirs!r}"


def request_differences(model, operation, evidence):
    shape, unknown = operation.input_shape, []
    shown = parameters(model, shape, evidence["request"], unknown, at="request")
    yield from unknown
    missing = set(shape.members) - set(shown)
    if missing:
        yield f"request: the client cannot set {sorted(missing)}"
    expected = serialize.create_serializer(protocol(model), include_validation=False).serialize_to_request(shown, operation)
    # botocore drops the fraction of a second from JSON requests; the clients send it, as the official ones do
    yield from differences(json.loads(re.sub(r"\b(\d{10})\.25\b", r"\1", evidence["body"])), json.loads(expected["body"]), "body")
    for header in ("X-Amz-Target", "Content-Type"):
        yield from differences(evidence["headers"].get(header.lower()), expected["headers"][header], header)
    yield from differences(evidence["path"], expected["url_path"], "path")
    yield from differences(evidence["method"], expected["method"], "method")


def signature_differences(model, evidence):
    """The Authorization header, recomputed by botocore from the bytes that arrived."""
    headers = evidence["headers"]
    given = headers["authorization"]
    signed = given.split("SignedHeaders=")[1].split(",")[0].split(";")
    region, service = given.split("Credential=")[1].split("/")[2:4]
    yield from differences(region, evidence["region"], "signed region")
    yield from differences(service, model.signing_name, "signed service")
    request = AWSRequest("POST", evidence["url"], headers={h: headers[h] for h in signed}, data=evidence["body"].encode())
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(evidence["accessKey"], evidence["secretKey"]), service, region)
    if "x-amz-content-sha256" in headers:
        yield from differences(headers["x-amz-content-sha256"], hashlib.sha256(evidence["body"].encode()).hexdigest(), "content hash")
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    yield from differences(given.split("Signature=")[1], signature, "signature")


def response_differences(model, operation, evidence):
    shape = operation.output_shape
    shown = evidence["response"]
    if shape is None:
        yield from differences(shown, {}, "response")
        return
    parsed = parsers.create_parser(protocol(model)).parse({"headers": {}, "body": answer(model, operation).encode(), "status_code": 200}, shape)
    yield from differences(shown, dump(model, shape, parsed, operation.name + "Response"), "response")


def check(evidence):
    verdicts = {}
    for service in SERVICES:
        model = SESSION.get_service_model(service)
        for name in SERVICES[service]["operations"]:
            key = f"{SERVICES[service]['namespace']}.{name}"
            operation, seen = model.operation_model(name), evidence[key]
            verdicts[key] = [*request_differences(model, operation, seen), *signature_differences(model, seen), *response_differences(model, operation, seen)]
            for expected, got in zip(errors(model, operation), seen["errors"], strict=True):
                verdicts[key] += differences(got, {k: expected[k] for k in ("type", "code", "message", "members")}, expected["code"])
    return verdicts


print(json.dumps(samples() if sys.argv[1] == "samples" else check(json.load(sys.stdin))))
