# shellcheck shell=bash
# ./run pothole: where there is no AWS account, makes one day of it on this machine. Needs common.sh, setup.sh, sandbox.sh.

# Points the app at the sandbox, with a bucket, a road, sensor data of DATE and a stopped cluster.
pothole_on_sandbox() { # pothole_on_sandbox DATE TRIPS SEED
  ensure_spark_stand_in
  sandbox_start_or_use
  say "No AWS account is configured: using the sandbox on $AWS_ENDPOINT_URL (machines, storage and Spark are stand-ins that really run)."
  local bucket=pothole-desk made
  aws s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=$AWS_REGION" >/dev/null
  say "Sample data: $2 trips of $1, seed $3 ..."
  local home="$LOCAL/sandbox/generator"
  sh "$ROOT/Sandbox/spark/install.sh" "$home" >/dev/null
  SPARK_HOME="$home" interruptible "$home/bin/spark-submit" --master 'local[*]' "$ROOT/Jobs/pothole/sample/main.py" --batch-date "$1" --trips "$2" --seed "$3" \
    --output "s3a://$bucket/raw-sensor-data/dt=$1/" --roads-output "s3a://$bucket/road-network/road_network_863.csv" >"$LOGS/sample.log" 2>&1 ||
    die 1 "The sample data could not be made:" "$(tail -n 5 "$LOGS/sample.log")"
  made=$(curl -fsS -X POST "$AWS_ENDPOINT_URL/sandbox/cluster" -d '{"workers": 4}')
  Pothole__MasterInstanceId=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["master"]["id"])' "$made")
  Pothole__WorkerInstanceIds=$(python3 -c 'import json, sys; print(",".join(w["id"] for w in json.loads(sys.argv[1])["workers"]))' "$made")
  export Pothole__Bucket=$bucket Pothole__MasterInstanceId Pothole__WorkerInstanceIds
}

# Asks our own database, before a sandbox is made for nothing. Unknown (no database yet, or one of somebody else's) counts as not done.
pothole_day_is_done() { # pothole_day_is_done DATE
  [ -z "${PostgresConnection:-}" ] && [ -d "$PG_HOME/data" ] || return 1
  postgres_start
  [ "$(postgres_psql durable -qAtc "SELECT count(*) FROM pothole.steps WHERE date = '$1' AND step = 'load'" 2>/dev/null)" = 1 ]
}
