# shellcheck shell=bash
# ./run spot: where there is no AWS account, gives the collector a market on this machine. Needs common.sh, setup.sh, sandbox.sh.

# Points the app at the sandbox, with a bucket and an account that may ask as much as it wants. What the environment says stands.
spot_on_sandbox() {
  sandbox_start_or_use
  say "No AWS account is configured: using the sandbox on $AWS_ENDPOINT_URL (its market follows from names and the hour)."
  aws s3api create-bucket --bucket spot-desk --create-bucket-configuration "LocationConstraint=$AWS_REGION" >/dev/null
  curl -fsS -X POST "$AWS_ENDPOINT_URL/sandbox/settings" -d '{"placementConfigurations": 1000000}' >/dev/null
  export Spot__Bucket=spot-desk Spot__AdvisorUrl="$AWS_ENDPOINT_URL/sandbox/spot-advisor-data.json" Spot__QueriesPerAccount="${Spot__QueriesPerAccount:-100000}"
}

# Asks our own database, before a sandbox is made for nothing; prints the slot. Unknown counts as not there.
spot_slot_is_there() {
  [ -z "${PostgresConnection:-}" ] && [ -d "$PG_HOME/data" ] || return 1
  postgres_start
  local slot
  slot=$(postgres_psql durable -qAtc "SELECT to_char(slot AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI') FROM spot.slots
    WHERE state = 'present' AND slot = date_bin('10 minutes', now(), TIMESTAMPTZ '2000-01-01T00:00Z')" 2>/dev/null) && [ -n "$slot" ] && echo "$slot"
}

run_spot() {
  local port exit_when_done=0
  default_port
  export Spot__InstanceTypes="${Spot__InstanceTypes:-t3.*,m5.*,c6i.*,p4d.*}"
  while [ $# -gt 0 ]; do
    case $1 in
      --types) option_value "$@"; Spot__InstanceTypes=$2; shift 2 ;;
      --regions) option_value "$@"; export Spot__Regions=$2; shift 2 ;;
      --port) port_option "$1" "${2:-}"; shift 2 ;;
      --exit) exit_when_done=1; shift ;;
      *) bad_usage "Unknown option: $1" ;;
    esac
  done
  prepare
  own_or_say_who_does
  local url slot outcome=0
  if ! aws_is_configured && slot=$(spot_slot_is_there); then
    start_everything "$port"
    url=$(app_url)
    say "Nothing to do: slot $slot is there. A slot is collected once; the next begins at $(date -u -d "$slot UTC + 10 minutes" +%FT%R) UTC."
    interruptible dotnet "$CLI_DLL" spot slot --url "$url" --slot "$slot" || outcome=$?
  else
    aws_is_configured || spot_on_sandbox
    [ -n "${Spot__Bucket:-}" ] || die 1 "Spot__Bucket is not set: with an AWS account, name the bucket to collect into."
    start_everything "$port"
    url=$(app_url)
    if sandbox_is_ours; then sandbox_end_lost_runs "$url" spot-; fi
    interruptible dotnet "$CLI_DLL" spot run --url "$url" || outcome=$?
  fi
  interruptible dotnet "$CLI_DLL" spot latest --url "$url" --type m5.large --limit 10 || true
  if [ "$exit_when_done" -eq 1 ] || [ "$outcome" -eq 2 ]; then exit "$outcome"; fi
  stay_up "$url"
}
