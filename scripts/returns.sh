# shellcheck shell=bash
# ./run returns: trains, publishes and predicts; where there is no AWS account, on the sandbox with sample rows. Needs common.sh, setup.sh, sandbox.sh, postgres.sh.

# Points the app at the sandbox, with an empty bucket; training jobs run the real script in Debian's Python.
returns_on_sandbox() {
  ensure_training
  sandbox_start_or_use
  say "No AWS account is configured: using the sandbox on $AWS_ENDPOINT_URL (storage and training jobs are stand-ins that really run)."
  aws s3api create-bucket --bucket returns-desk --create-bucket-configuration "LocationConstraint=$AWS_REGION" >/dev/null
  export Returns__Bucket=returns-desk Returns__RoleArn=arn:aws:iam::123456789012:role/training Returns__AlsoNpy=true
}

returns_sql() { PGOPTIONS="-c client_min_messages=warning" PGPASSFILE="$LOCAL/pgpass" "$(postgres_binaries)/psql" -qX -v ON_ERROR_STOP=1 "host=127.0.0.1 port=$(<"$PG_HOME/port") user=durable dbname=durable" "$@" >/dev/null; }

# Ten-minute rows up to a time: the source's tables, filled.
returns_sample() { # returns_sample ROWS SEED NEWEST
  returns_sql -f "$ROOT/Sandbox/returns/sample.sql" -c "SELECT returns_sample($1, $2, '$3')" || die 1 "The sample rows could not be written."
}

run_returns() {
  local port exit_when_done=0 rows=3000 arguments=()
  default_port
  while [ $# -gt 0 ]; do
    case $1 in
      --rows) option_value "$@"; whole_number "$1" "$2"; rows=$2; shift 2 ;;
      --limit | --since | --instance-type | --framework-version) option_value "$@"; arguments+=("$1" "$2"); shift 2 ;;
      --force | --skip-data-prep) arguments+=("$1"); shift ;;
      --port) port_option "$1" "${2:-}"; shift 2 ;;
      --exit) exit_when_done=1; shift ;;
      *) bad_usage "Unknown option: $1" ;;
    esac
  done
  prepare
  own_or_say_who_does
  local desk=0 newest url outcome=0
  if ! aws_is_configured; then
    [ -z "${PostgresConnection:-}" ] || die 2 "The sample rows go into the database that ./run starts: unset PostgresConnection, or configure an AWS account and Returns__…."
    desk=1
    returns_on_sandbox
  fi
  start_everything "$port"
  url=$(app_url)
  if sandbox_is_ours; then sandbox_end_lost_runs "$url" returns-; fi
  newest=$(date -u -d "@$(($(date +%s) / 600 * 600 - 7200))" +%FT%TZ)
  if [ "$desk" -eq 1 ]; then
    say "Sample data: $rows rows, ten minutes apart, to $newest ..."
    returns_sample "$rows" 0.1 "$newest"
  fi
  interruptible dotnet "$CLI_DLL" returns train --url "$url" ${arguments[@]+"${arguments[@]}"} || outcome=$?
  if [ "$outcome" -eq 0 ] && [ "$desk" -eq 1 ]; then
    interruptible dotnet "$CLI_DLL" returns infer --url "$url" || outcome=$?
    say "Adding nine more embeddings and the outcomes of the earlier ones ..."
    returns_sample 9 0.2 "$(date -u -d "$newest + 90 minutes" +%FT%TZ)"
    interruptible dotnet "$CLI_DLL" returns infer --url "$url" || outcome=$?
  fi
  interruptible dotnet "$CLI_DLL" returns status --url "$url" || true
  if [ "$exit_when_done" -eq 1 ] || [ "$outcome" -eq 2 ]; then exit "$outcome"; fi
  stay_up "$url"
}
