"""The price list: Pricing GetProducts for AmazonEC2, each product a JSON text as the service has it. Prices follow from names alone."""
import hashlib
import json

from moto.ec2.models.instance_types import INSTANCE_TYPES

from . import answers, market

_COMMON = {"capacitystatus": "Used", "tenancy": "Shared", "operatingSystem": "Linux", "preInstalledSw": "NA", "licenseModel": "No License required",
           "locationType": "AWS Region", "servicecode": "AmazonEC2", "servicename": "Amazon Elastic Compute Cloud", "operation": "RunInstances", "marketoption": "OnDemand"}


def services(call):
    """DescribeServices: EC2 and the attributes that GetProducts filters by."""
    if call.parameters.get("ServiceCode") not in (None, "AmazonEC2"):
        raise answers.Refused("InvalidParameterException", f"The service {call.parameters['ServiceCode']} is not in this price list.")
    return {"FormatVersion": "aws_v1", "Services": [{"ServiceCode": "AmazonEC2", "AttributeNames": sorted([*_COMMON, "instanceType", "regionCode", "vcpu", "memory"])}]}


def products(call):
    """GetProducts: every filter is a TERM_MATCH on an attribute; the products are the types that each region offers, 100 a page."""
    p = call.parameters
    if p.get("ServiceCode") != "AmazonEC2":
        raise answers.Refused("InvalidParameterException", f"The service {p.get('ServiceCode')} is not in this price list.")
    filters = p.get("Filters") or []
    if any(f.get("Type") != "TERM_MATCH" for f in filters):
        raise answers.Refused("InvalidParameterException", "Only filters of type TERM_MATCH are answered here.")
    wanted = {f["Field"]: f["Value"] for f in filters}
    regions = [wanted["regionCode"]] if "regionCode" in wanted else market.regions()
    named = wanted.get("instanceType")
    rows = [a for r in regions for t in sorted(market.offered(r)) if named in (None, t) and t in INSTANCE_TYPES for a in [_attributes(t, r)] if all(a.get(k) == v for k, v in wanted.items())]
    first, most = int(p.get("NextToken") or 0), min(p.get("MaxResults") or 100, 100)
    page = {"FormatVersion": "aws_v1", "PriceList": [_product(a) for a in rows[first:first + most]]}
    return {**page, "NextToken": str(first + most)} if len(rows) > first + most else page


def _attributes(instance_type, region):
    known = INSTANCE_TYPES[instance_type]
    return {**_COMMON, "instanceType": instance_type, "regionCode": region, "vcpu": str(known["VCpuInfo"]["DefaultVCpus"]), "memory": f"{known['MemoryInfo']['SizeInMiB'] / 1024:g} GiB"}


def _product(attributes):
    instance_type, region = attributes["instanceType"], attributes["regionCode"]
    sku = hashlib.sha256(f"{instance_type}{region}".encode()).hexdigest()[:16].upper()
    term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dollars = f"{market.on_demand(instance_type, region):.10f}"
    return json.dumps({
        "product": {"productFamily": "Compute Instance", "attributes": attributes, "sku": sku}, "serviceCode": "AmazonEC2", "version": "20260101000000", "publicationDate": "2026-01-01T00:00:00Z",
        "terms": {"OnDemand": {term: {"sku": sku, "offerTermCode": "JRTCKXETXF", "effectiveDate": "2026-01-01T00:00:00Z", "termAttributes": {}, "priceDimensions": {rate: {
            "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "appliesTo": [], "rateCode": rate, "description": f"${dollars} per On Demand Linux {instance_type} Instance Hour",
            "pricePerUnit": {"USD": dollars}}}}}},
    })
