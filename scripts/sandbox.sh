# shellcheck shell=bash
# Starts and stops the AWS sandbox of Sandbox. Needs common.sh and setup.sh.

export SANDBOX_PID_FILE="$LOCAL/sandbox.pid"
export SANDBOX_READY_FILE="$LOCAL/sandbox.url"

sandbox_is_ours=0 # this ./run started it, and ends it

sandbox_is_ours() { [ "$sandbox_is_ours" -eq 1 ]; }

sandbox_url() { [ -s "$SANDBOX_READY_FILE" ] && cat "$SANDBOX_READY_FILE"; }

# True when the environment configures an AWS account: then nothing is simulated.
aws_is_configured() {
  [ -n "${AWS_ENDPOINT_URL:-}${AWS_PROFILE:-}${AWS_ACCESS_KEY_ID:-}${AWS_WEB_IDENTITY_TOKEN_FILE:-}${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" ]
}

# Starts the sandbox (on PORT, or a free one) and points this shell's AWS_* variables at it.
sandbox_start() { # sandbox_start [PORT]
  ensure_sandbox
  sandbox_stop # one that a killed ./run left behind
  sandbox_is_ours=1
  rm -rf "$LOCAL/sandbox" # folders of machines that nobody remembers
  setsid python3 "$ROOT/Sandbox/sandbox.py" --port "${1:-0}" --root "$LOCAL/sandbox" --ready-file "$SANDBOX_READY_FILE" --parent $$ \
    </dev/null >"$LOGS/sandbox.log" 2>&1 9>&- &
  remember_process "$SANDBOX_PID_FILE" $!
  local tenths=300
  until [ -s "$SANDBOX_READY_FILE" ]; do
    running_process "$SANDBOX_PID_FILE" >/dev/null || die 1 "The AWS sandbox did not start:" "$(tail -n 20 "$LOGS/sandbox.log")"
    [ $((tenths--)) -gt 0 ] || die 1 "The AWS sandbox did not answer within 30 s; its log is $LOGS/sandbox.log"
    sleep 0.1
  done
  sandbox_use
}

# Uses ./run sandbox, which outlives this process, if it runs; else starts one.
sandbox_start_or_use() {
  if running_process "$SANDBOX_PID_FILE" >/dev/null && sandbox_url >/dev/null; then
    ensure_sandbox
    sandbox_use
  else
    sandbox_start
    export DURABLE_SANDBOX="./run $command" # what works on it ends with it, and begins again with the next
  fi
}

# Points this shell's AWS_* variables at the sandbox that is up.
sandbox_use() {
  AWS_ENDPOINT_URL=$(sandbox_url)
  export AWS_ENDPOINT_URL AWS_REGION="${AWS_REGION:-ap-northeast-2}" AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_EC2_METADATA_DISABLED=true
}

sandbox_stop() {
  stop_process "$SANDBOX_PID_FILE" 10
  rm -f "$SANDBOX_READY_FILE"
}

# Runs that lost their machines with an earlier sandbox would wait until their lease ends: end them and close their leases.
sandbox_end_lost_runs() { # sandbox_end_lost_runs URL PREFIX
  local id ids
  ids=$(cli instances list --url "$1" --prefix "$2" --status Running,Pending,Suspended --all -o json |
    python3 -c 'import json, sys; print("\n".join(run["instanceId"] for run in json.load(sys.stdin)))') || return 0
  for id in $ids; do
    say "Ending $id: its machines went with an earlier sandbox."
    cli instances terminate "$id" --url "$1" --reason "its sandbox is gone" >/dev/null || true
    cli instances wait "$id" --url "$1" >/dev/null 2>&1 || true # until then a new start would find it under way
  done
  if [ -n "$ids" ]; then cli timers run ReapClusters --url "$1" >/dev/null || true; fi
}
