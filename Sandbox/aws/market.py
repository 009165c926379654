"""The spot market: placement scores and spot prices. Everything follows from names and the hour, so two runs see the same market."""
import datetime
import functools
import hashlib
import re
import threading
import time

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.iam.models import get_account_id_from

from . import answers

_ACCOUNT = "123456789012"
_DAY = 24 * 3600


def on_demand(instance_type, region):
    """Dollars an hour, from the size of the machine; None for a type that does not exist."""
    known = INSTANCE_TYPES.get(instance_type)
    if known is None:
        return None
    cores, gib = known["VCpuInfo"]["DefaultVCpus"], known["MemoryInfo"]["SizeInMiB"] / 1024
    return round((0.021 * cores + 0.0052 * gib) * (1 + 0.25 * _share("region", region)), 4)


def spot(instance_type, zone, at):
    """Dollars an hour at a time: a share of the on-demand price that moves from hour to hour."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    share = 0.25 + 0.3 * _share("level", instance_type, zone) + 0.1 * _share("hour", instance_type, zone, hour.isoformat())
    return round(on_demand(instance_type, zone[:-1]) * share, 6)


def regions():
    return sorted(INSTANCE_TYPE_OFFERINGS["region"])


def zones(region):
    return [(zone.name, zone.zone_id) for zone in ec2_backends[_ACCOUNT][region].describe_availability_zones()]


@functools.cache
def offered(region):
    """The zone ids of a region that offer a type, by type."""
    found = {}
    for row in INSTANCE_TYPE_OFFERINGS["availability-zone-id"].get(region, []):
        found.setdefault(row["InstanceType"], set()).add(row["Location"])
    return found


class PlacementScores:
    """GetSpotPlacementScores: the ten best scores, 1 to 10, lower for more capacity, of the regions or of their zones that offer a type. An account may ask
    `placementConfigurations` different questions in 24 h and repeat those; one more is MaxConfigLimitExceeded."""

    def __init__(self, settings):
        self._settings, self._lock, self._asked = settings, threading.Lock(), {}

    def reset(self):
        with self._lock:
            self._asked.clear()

    def answer(self, call):
        p = call.parameters
        types, places, target, single = self._read(p)
        if p.get("DryRun") == "true":
            raise answers.Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        self._count(get_account_id_from(call.access_key), (tuple(sorted(types)), tuple(sorted(places)), target, single))
        hour = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H")
        spots = [(r, zone) for r in places for t in types for zone in (offered(r).get(t, ()) if single else [None] if t in offered(r) else [])]
        scored = sorted(((_score(types, place, hour, target), place) for place in set(spots)), key=lambda s: (-s[0], s[1][0], s[1][1] or ""))
        items = "".join(f"<item><region>{r}</region>{f'<availabilityZoneId>{zone}</availabilityZoneId>' if zone else ''}<score>{score}</score></item>" for score, (r, zone) in scored[:10])
        return answers.ec2_answer("GetSpotPlacementScores", f"<spotPlacementScoreSet>{items}</spotPlacementScoreSet>")

    @staticmethod
    def _read(p):
        types, places = _numbered(p, "InstanceType"), _numbered(p, "RegionName")
        if not p.get("TargetCapacity", "").isdigit():
            raise answers.Refused("MissingParameter", "The request must contain the parameter TargetCapacity")
        if not 1 <= int(p["TargetCapacity"]) <= 2_000_000_000:
            raise answers.Refused("InvalidParameterValue", f"Value ( {p['TargetCapacity']} ) for parameter TargetCapacity is invalid.")
        if len(places) > 10 or len(types) > 1000:
            raise answers.Refused("InvalidParameterValue", "At most 10 values of RegionName and 1000 of InstanceType are allowed.")
        if not 10 <= int(p.get("MaxResults") or 10) <= 1000:
            raise answers.Refused("InvalidParameterValue", f"Value ( {p['MaxResults']} ) for parameter maxResults is invalid. Expecting a value between 10 and 1000.")
        unknown = [t for t in types if t not in INSTANCE_TYPES]
        if unknown or not types:
            raise answers.Refused("InvalidParameterValue", f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
        unknown = [r for r in places if r not in regions()]
        if unknown:
            raise answers.Refused("InvalidParameterValue", f"The following supplied regions do not exist: [{', '.join(unknown)}]")
        return types, places or regions(), int(p["TargetCapacity"]), p.get("SingleAvailabilityZone") == "true"

    def _count(self, account, question):
        with self._lock:
            asked, now = self._asked.setdefault(account, {}), time.time()
            for old in [q for q, at in asked.items() if at < now - _DAY]:
                del asked[old]
            if question not in asked and len(asked) >= self._settings["placementConfigurations"]:
                raise answers.Refused("MaxConfigLimitExceeded", "You have exceeded your maximum allowed Spot placement configurations. You can retry configurations that you used within "
                                      "the last 24 hours, or wait for 24 hours before specifying a new configuration.")
            asked[question] = now


def spot_price_history(call):
    """DescribeSpotPriceHistory: the price in force at StartTime and one for each full hour until EndTime, newest first, in pages of at most 1,000."""
    p = call.parameters
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = _time(p.get("StartTime")) or now - datetime.timedelta(days=90), min(_time(p.get("EndTime")) or now, now)
    chosen = _filters(p)
    series = [(t, product, zone) for zone in zones(call.region) if _wanted(chosen["availability-zone"], zone[0]) and p.get("AvailabilityZoneId") in (None, zone[1])
              for t in sorted(offered(call.region)) if t in INSTANCE_TYPES and zone[1] in offered(call.region)[t] and _wanted(chosen["instance-type"], t)
              for product in chosen["product-description"] or ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]]
    newest = end.replace(minute=0, second=0, microsecond=0)
    hours = 1 + max(0, -((start - newest) // datetime.timedelta(hours=1)))
    first, most = int(p.get("NextToken") or 0), min(int(p.get("MaxResults") or 1000), 1000)
    last, items = min(first + most, hours * len(series)), []
    for hours_ago, number in (divmod(n, len(series)) for n in range(first, last)):
        (t, product, zone), hour = series[number], newest - datetime.timedelta(hours=hours_ago)
        items.append(f"<item><instanceType>{t}</instanceType><productDescription>{product}</productDescription><spotPrice>{spot(t, zone[0], hour):.6f}</spotPrice>"
                     f"<timestamp>{hour:%Y-%m-%dT%H:%M:%S.000Z}</timestamp><availabilityZone>{zone[0]}</availabilityZone><availabilityZoneId>{zone[1]}</availabilityZoneId></item>")
    token = str(last) if last < hours * len(series) else ""
    return answers.ec2_answer("DescribeSpotPriceHistory", f"<spotPriceHistorySet>{''.join(items)}</spotPriceHistorySet><nextToken>{token}</nextToken>")


def advisor():
    """The Spot Advisor's document for all types and regions."""
    ranges = [{"index": n, "label": label} for n, label in enumerate(["<5%", "5-10%", "10-15%", "15-20%", ">20%"])]
    rows = {r: {"Linux": {t: {"r": int(5 * _share("interruption", t, r)), "s": int(90 * _share("saved", t, r))} for t in sorted(offered(r)) if t in INSTANCE_TYPES}} for r in regions()}
    return {"ranges": ranges, "spot_advisor": rows}


def _score(types, place, hour, target):
    return max(1, min(10, round(10 * _share("score", *sorted(types), *place, hour) + 1 - target / 12)))


def _share(*parts):
    """A number in [0, 1) that depends only on its parts."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:6]) / 2**48


def _numbered(parameters, name):
    found = {int(m.group(1)): v for k, v in parameters.items() if (m := re.fullmatch(rf"{re.escape(name)}\.(\d+)", k))}
    return [found[i] for i in sorted(found)]


def _filters(p):
    """What is asked for, by the names of the operation's filters; an empty list is everything."""
    found = {"instance-type": _numbered(p, "InstanceType"), "product-description": _numbered(p, "ProductDescription"), "availability-zone": [v for v in [p.get("AvailabilityZone")] if v]}
    for number in range(1, 1 + len([k for k in p if re.fullmatch(r"Filter\.\d+\.Name", k)])):
        name = p[f"Filter.{number}.Name"]
        if name not in found:
            raise answers.Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        found[name] = found[name] + _numbered(p, f"Filter.{number}.Value")
    return found


def _wanted(chosen, value):
    return not chosen or value in chosen


def _time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
