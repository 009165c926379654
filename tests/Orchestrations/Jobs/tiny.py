"""Output of a stage in miniature: Parquet in name, metrics, the export of stage 2, and the mark last."""
import json
import os
import sys
import urllib.parse

import boto3


def write(stage):
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    place = urllib.parse.urlsplit(options["--output"])
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])

    def put(name, text):
        s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/") + name, Body=text.encode())

    put("part-00000.snappy.parquet", "PAR1")
    if stage == 2:
        day = options["--batch-date"]
        put("_export/segments.csv", f"s_id,date,impact_count,total_count,centroid_lon,centroid_lat\nA_0000,{day},2,10,127.6,34.7\nA_0001,{day},0,7,127.61,34.71\n")
    put("_metrics.json", json.dumps({"stage": f"stage{stage}", "rows_in": 17, "rows_out": 17 if stage == 1 else 2, "rows_too_far": 0}))
    put("_SUCCESS", "")
