# shellcheck shell=bash
# ./run func: the same build on the Azure Functions host, with Azurite for storage. Needs common.sh, setup.sh and postgres.sh.

AZURITE_PID_FILE="$LOCAL/azurite.pid"

# Says everything that is missing at once, each with its remedy. Returns 1 when anything is.
func_check() {
  local missing=0
  if ! command -v npm >/dev/null; then
    say "Missing: npm, which brings Azurite. Install it: apt-get install -y npm"
    missing=1
  elif [ ! -x "$ROOT/node_modules/.bin/azurite" ]; then
    say "Installing Azurite ..."
    if ! (cd "$ROOT" && npm ci --no-audit --no-fund >"$LOGS/npm.log" 2>&1); then
      say "Missing: Azurite. 'npm ci' failed; its log is $LOGS/npm.log"
      missing=1
    fi
  fi
  if ! command -v func >/dev/null; then
    say "Missing: func, the Azure Functions Core Tools, version 4. Install them: npm install -g azure-functions-core-tools@4" \
      "  (or see https://learn.microsoft.com/azure/azure-functions/functions-run-local)"
    missing=1
  fi
  return "$missing"
}

# Azurite's own ports, because AzureWebJobsStorage=UseDevelopmentStorage=true means these.
azurite_start() {
  running_process "$AZURITE_PID_FILE" >/dev/null && return
  if port_is_taken 10000; then
    say "Port 10000 answers already: using that as storage."
    return
  fi
  (cd "$LOCAL" && exec setsid "$ROOT/node_modules/.bin/azurite" --inMemoryPersistence --silent --skipApiVersionCheck --disableTelemetry) \
    >"$LOGS/azurite.log" 2>&1 </dev/null 9>&- &
  remember_process "$AZURITE_PID_FILE" "$!" || true
  local tenths=300
  until port_is_taken 10000 && port_is_taken 10001 && port_is_taken 10002; do
    running_process "$AZURITE_PID_FILE" >/dev/null || die 1 "Azurite ended:" "$(tail -n 20 "$LOGS/azurite.log")"
    [ $((tenths--)) -gt 0 ] || die 1 "Azurite does not answer after 30 s; its log is $LOGS/azurite.log"
    sleep 0.1
  done
}

azurite_stop() { stop_process "$AZURITE_PID_FILE" 5; }

func_run() {
  func_check || die 1 "./run func cannot start the Functions host until what is missing above is there. './run' needs none of it."
  [ -n "${PostgresConnection:-}" ] || postgres_start
  azurite_start
  if [ ! -f "$ROOT/local.settings.json" ]; then
    cp "$ROOT/local.settings.sample.json" "$ROOT/local.settings.json"
    say "Made local.settings.json from local.settings.sample.json."
  fi
  build_app
  export FUNCTIONS_WORKER_RUNTIME=dotnet-isolated PostgresConnection="${PostgresConnection:-$(postgres_connection)}"
  cd "$ROOT/bin/Release/net10.0" || exit # the output that ./run starts, byte for byte
  unset CONTAINER_NAME # with it the host takes this machine for Azure, and does not start
  interruptible func start
}
