# shellcheck shell=bash
# ./run status. Needs common.sh, postgres.sh, app.sh, func.sh and sandbox.sh.

run_status() {
  case ${1:-} in
    --json) no_more "${@:2}"; status_json ;;
    '') status_text ;;
    *) bad_usage "Unknown option: $1" ;;
  esac
  running_process "$APP_PID_FILE" >/dev/null
}

status_text() {
  postgres_choose_home
  local pid
  if pid=$(running_process "$APP_PID_FILE"); then echo "app         running, pid $pid, $(app_url || echo 'starting')"; else echo "app         not running"; fi
  if pid=$(postgres_pid); then
    echo "PostgreSQL  running, pid $pid, 127.0.0.1:$(<"$PG_HOME/port"), data in $PG_HOME"
    echo "            PGPASSFILE=$LOCAL/pgpass psql -h 127.0.0.1 -p $(<"$PG_HOME/port") -U durable durable"
  elif [ -d "$PG_HOME/data" ]; then
    echo "PostgreSQL  not running, data in $PG_HOME"
  else
    echo "PostgreSQL  no database yet"
  fi
  if pid=$(running_process "$SANDBOX_PID_FILE"); then echo "sandbox     running, pid $pid, $(sandbox_url || echo 'starting')"; fi
  if pid=$(running_process "$AZURITE_PID_FILE"); then echo "Azurite     running, pid $pid"; fi
}

status_json() {
  postgres_choose_home
  local postgres=''
  if [ -d "$PG_HOME/data" ]; then postgres=",\"data\":$(json_text "$PG_HOME/data")"; fi
  if postgres_pid >/dev/null; then postgres="$postgres,\"port\":$(<"$PG_HOME/port"),\"passwordFile\":$(json_text "$LOCAL/pgpass")"; fi
  printf '{"app":%s,"postgres":%s,"sandbox":%s,"azurite":%s,"logs":%s}\n' \
    "$(status_part "$(running_process "$APP_PID_FILE")" "$(app_url)")" "$(status_part "$(postgres_pid)" '' "$postgres")" \
    "$(status_part "$(running_process "$SANDBOX_PID_FILE")" "$(sandbox_url)")" "$(status_part "$(running_process "$AZURITE_PID_FILE")")" "$(json_text "$LOGS")"
}

status_part() { # status_part PID [URL] [MORE]
  if [ -z "$1" ]; then
    printf '{"running":false%s}' "${3:-}"
    return
  fi
  printf '{"running":true,"pid":%s%s%s}' "$1" "${2:+,\"url\":$(json_text "$2")}" "${3:-}"
}

json_text() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}
