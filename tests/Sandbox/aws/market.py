"""The spot market: placement scores, spot prices and the price list. Everything follows from names and the hour, so two runs see the same market."""
import datetime
import hashlib
import json
import re

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES

from . import answers

_ACCOUNT = "123456789012"


def _share(*parts):
    """A number in [0, 1) that depends on nothing but its parts."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:6]) / 2**48


def _numbered(parameters, name):
    found = {int(m.group(1)): v for k, v in parameters.items() if (m := re.fullmatch(rf"{name}\.(\d+)", k))}
    return [found[i] for i in sorted(found)]


def on_demand(instance_type, region):
    """Dollars an hour, from the size of the machine; None for a type that does not exist."""
    known = INSTANCE_TYPES.get(instance_type)
    if known is None:
        return None
    cores, gib = known["VCpuInfo"]["DefaultVCpus"], known["MemoryInfo"]["SizeInMiB"] / 1024
    return round((0.021 * cores + 0.0052 * gib) * (1 + 0.25 * _share("region", region)), 4)


def spot(instance_type, zone, at):
    """Dollars an hour at a time: a share of the on-demand price that moves from hour to hour."""
    price = on_demand(instance_type, zone[:-1])
    hour = at.replace(minute=0, second=0, microsecond=0)
    return None if price is None else round(price * (0.25 + 0.3 * _share("level", instance_type, zone) + 0.1 * _share("hour", instance_type, zone, hour.isoformat())), 6)


def zones(region):
    return [(zone.name, zone.zone_id) for zone in ec2_backends[_ACCOUNT][region].describe_availability_zones()]


def placement_scores(call):
    """GetSpotPlacementScores: at most ten scores, 1 to 10, lower for more capacity; a configuration beyond the account's limit is refused by a fault."""
    p = call.parameters
    types, regions = _numbered(p, "InstanceType"), _numbered(p, "RegionName") or [call.region]
    try:
        target = int(p["TargetCapacity"])
    except (KeyError, ValueError):
        raise answers.Refused("MissingParameter", "The request must contain the parameter TargetCapacity") from None
    if not 1 <= target <= 2_000_000_000:
        raise answers.Refused("InvalidParameterValue", f"TargetCapacity {target} is out of range.")
    unknown = [t for t in types if t not in INSTANCE_TYPES]
    if not types or unknown:
        raise answers.Refused("InvalidParameterValue", f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
    hour = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H")
    single = p.get("SingleAvailabilityZone") == "true"
    places = [(r, zone_id) for r in regions for _, zone_id in (zones(r) if single else [(None, None)])]
    scored = sorted(((max(1, min(10, round(10 * _share("score", *types, *place, hour) + 3 - target / 12))), place) for place in places), key=lambda s: (-s[0], s[1][0], s[1][1] or ""))
    most = min(int(p.get("MaxResults") or 10), 10)
    items = "".join(f"<item><region>{r}</region>{f'<availabilityZoneId>{zone}</availabilityZoneId>' if zone else ''}<score>{score}</score></item>" for score, (r, zone) in scored[:most])
    return answers.ec2_answer("GetSpotPlacementScores", f"<spotPlacementScoreSet>{items}</spotPlacementScoreSet>")


def spot_price_history(call):
    """DescribeSpotPriceHistory: the price in force at StartTime and one for each full hour until EndTime, newest first, in pages."""
    p = call.parameters
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = _time(p.get("StartTime")) or now - datetime.timedelta(days=90), min(_time(p.get("EndTime")) or now, now)
    types = _numbered(p, "InstanceType") or sorted(INSTANCE_TYPES)[:40]
    products = _numbered(p, "ProductDescription") or ["Linux/UNIX"]
    chosen = [zone for zone in zones(call.region) if p.get("AvailabilityZone") in (None, zone[0])]
    hours, hour = [], end.replace(minute=0, second=0, microsecond=0)
    while hour > start:
        hours.append(hour)
        hour -= datetime.timedelta(hours=1)
    hours.append(hour)
    rows = [(hour, t, product, zone) for hour in hours for t in types if t in INSTANCE_TYPES for product in products for zone in chosen]
    first, most = int(p.get("NextToken") or 0), min(int(p.get("MaxResults") or 1000), 1000)
    items = "".join(f"<item><instanceType>{t}</instanceType><productDescription>{product}</productDescription><spotPrice>{spot(t, zone[0], hour):.6f}</spotPrice>"
                    f"<timestamp>{hour:%Y-%m-%dT%H:%M:%S.000Z}</timestamp><availabilityZone>{zone[0]}</availabilityZone><availabilityZoneId>{zone[1]}</availabilityZoneId></item>"
                    for hour, t, product, zone in rows[first:first + most])
    token = str(first + most) if len(rows) > first + most else ""
    return answers.ec2_answer("DescribeSpotPriceHistory", f"<spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken>{token}</nextToken>")


def products(call):
    """Pricing GetProducts for AmazonEC2: TERM_MATCH on instanceType and regionCode; other fields of the usual filter are constant here."""
    p = call.parameters
    if p.get("ServiceCode") != "AmazonEC2":
        raise answers.Refused("NotFoundException", f"The service {p.get('ServiceCode')} is not in this price list.")
    constant = {"capacitystatus": "Used", "tenancy": "Shared", "operatingSystem": "Linux", "preInstalledSw": "NA", "licenseModel": "No License required"}
    wanted = {f["Field"]: f["Value"] for f in p.get("Filters") or []}
    if any(constant.get(field, value) != value for field, value in wanted.items()):
        return {"FormatVersion": "aws_v1", "PriceList": []}
    regions = [wanted["regionCode"]] if "regionCode" in wanted else ["us-east-1"]
    rows = [(t, r) for r in regions for t in sorted(INSTANCE_TYPES) if wanted.get("instanceType") in (None, t)]
    first, most = int(p.get("NextToken") or 0), min(p.get("MaxResults") or 100, 100)
    page = {"FormatVersion": "aws_v1", "PriceList": [_product(t, r, constant) for t, r in rows[first:first + most]]}
    return {**page, "NextToken": str(first + most)} if len(rows) > first + most else page


def _product(instance_type, region, constant):
    sku = hashlib.sha256(f"{instance_type}{region}".encode()).hexdigest()[:16].upper()
    return json.dumps({
        "product": {"sku": sku, "productFamily": "Compute Instance", "attributes": {**constant, "instanceType": instance_type, "regionCode": region, "servicecode": "AmazonEC2"}},
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": {
            "unit": "Hrs", "description": f"{instance_type} on demand", "pricePerUnit": {"USD": f"{on_demand(instance_type, region):.10f}"}}}}}},
    })


def _time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
