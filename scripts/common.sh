# shellcheck shell=bash
# Shared by ./run and ./test: words to the user, processes that are ours, ports. Source it; ROOT is the repository.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
export LOCAL="$ROOT/.local" # everything the commands keep: data, logs, pids; git ignores it
export LOGS="$LOCAL/logs"
export RUN_PID_FILE="$LOCAL/run.pid" # the ./run that owns this folder's app
export STOP_FILE="$LOCAL/stopped" # ./run stop was here: what ends now has not crashed
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

# Logs are for whoever runs the app: they name hosts, paths and what was computed.
make_logs() { mkdir -p "$LOGS" && chmod 700 "$LOGS"; }

say() { printf '%s\n' "$@" >&2 || true; } # the reader may be gone

die() { # die CODE LINE...
  local code=$1
  shift
  say "$@"
  exit "$code"
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Start time of a process in clock ticks since boot: with the pid it identifies a process; a reused pid has another.
process_start() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  stat=${stat##*) } # the name in brackets may hold anything
  case $stat in Z*) return 1 ;; esac
  local fields
  read -ra fields <<<"$stat"
  printf '%s\n' "${fields[19]}"
}

remember_process() { # remember_process FILE PID
  local start
  start=$(process_start "$2") || return 1
  printf '%s %s\n' "$2" "$start" >"$1.new"
  mv -f "$1.new" "$1"
}

# Prints the pid in FILE if that process still runs.
running_process() {
  local pid='' start='' now
  [ -f "$1" ] && read -r pid start <"$1" || return 1
  [[ $pid =~ ^[0-9]+$ ]] && now=$(process_start "$pid") && [ "$now" = "$start" ] || return 1
  printf '%s\n' "$pid"
}

# Ends the process in FILE, if it is still the one we started: SIGTERM, after SECONDS SIGKILL.
stop_process() { # stop_process FILE SECONDS
  local pid tenths=$(($2 * 10))
  if pid=$(running_process "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    while running_process "$1" >/dev/null; do
      if [ $((tenths--)) -le 0 ]; then
        kill -KILL "$pid" 2>/dev/null || true
        break
      fi
      sleep 0.1
    done
  fi
  rm -f "$1"
}

port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() { # free_port FIRST LAST
  local port tries
  for ((tries = 0; tries < 200; tries++)); do
    port=$(($1 + RANDOM % ($2 - $1 + 1)))
    if ! port_is_taken "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  die 1 "No free port from $1 to $2 on 127.0.0.1."
}

# While the process PID lives, FILE, which it has open for appending, stays small: what is over LOG_MOST bytes moves to FILE.1, and what was there goes.
keep_log_small() { # keep_log_small FILE PID
  while kill -0 "$2" 2>/dev/null; do
    if [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "${LOG_MOST:-20000000}" ]; then cp -f "$1" "$1.1" && : >"$1"; fi
    sleep "${LOG_LOOK:-10}"
  done
}
