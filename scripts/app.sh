# shellcheck shell=bash
# The app as a process of its own: started, waited for, stopped. Needs common.sh, postgres.sh and build.sh.

export APP_PID_FILE="$LOCAL/app.pid"
APP_URL_FILE="$LOCAL/app.url"

app_url() { [ -f "$APP_URL_FILE" ] && cat "$APP_URL_FILE"; }

# The admin routes need the master key even on this machine: only those who can read the file have it. The caller's own key takes precedence.
app_use_key() {
  local key=''
  if [ -z "${DURABLE_KEY:-}" ] && [ -r "$LOCAL/keys.json" ]; then
    key=$(sed -n 's/.*"master"[: ]*"\([^"]*\)".*/\1/p' "$LOCAL/keys.json")
    if [ -n "$key" ]; then export DURABLE_KEY="$key"; fi
  fi
}

app_is_ready() { # app_is_ready PORT
  local code=''
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
  read -r -t 10 _ code _ <&3 || true
  exec 3>&-
  [ "$code" = 200 ]
}

app_start() { # app_start PORT
  local port=$1 pid tenths=600 log="$LOGS/app.log"
  if port_is_taken "$port"; then
    local other
    other=$(free_port 7072 7999)
    say "Port $port of 127.0.0.1 is in use by another program: the app listens on $other."
    port=$other
  fi
  if [ -f "$log" ]; then mv -f "$log" "$log.1"; fi
  install -m 600 /dev/null "$log"
  (
    cd "$ROOT" || exit
    PostgresConnection="${PostgresConnection:-$(postgres_connection)}"
    export PostgresConnection
    exec setsid dotnet "$APP_DLL" --port "$port"
  ) >>"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  keep_log_small "$log" "$pid" </dev/null >/dev/null 2>&1 9>&- &
  remember_process "$APP_PID_FILE" "$pid" || true
  disown "$pid" # how it ends is said in words, not by the shell
  until app_is_ready "$port"; do
    if ! running_process "$APP_PID_FILE" >/dev/null; then app_say_why; fi
    if grep -qE "$APP_HOPELESS" "$log"; then app_say_why; fi
    if [ $((tenths--)) -le 0 ]; then die 1 "The app is not ready after 60 s; the end of $log:" "$(tail -n 30 "$log")"; fi
    sleep 0.1
  done
  printf 'http://127.0.0.1:%s\n' "$port" >"$APP_URL_FILE"
  app_use_key
}

# What the app says when it cannot become ready by itself: settings, a host in error, a database that refuses.
APP_HOPELESS='The host cannot run functions: |database cannot be used\. |refuses the credentials|named in PostgresConnection does not exist|may not do this: grant it'

# The reason in a sentence when the app gave one, else the end of its log. Ends with 1.
app_say_why() {
  local log="$LOGS/app.log" why
  why=$(sed -n 's/^Cannot start: //p' "$log")
  if [ -z "$why" ]; then
    why=$(grep -E "$APP_HOPELESS" "$log" | sed -E 's/^.*(The host cannot run functions: |database cannot be used\. |\[[0-9]+\] )//' | awk '!seen[$0]++' | head -n 5)
  fi
  if [ -z "$why" ]; then why="The app ended while it started; the end of $log:"$'\n'"$(tail -n 30 "$log")"; fi
  app_stop
  die 1 "$why"
}

# Work in progress is durable: what does not end within 15 s is cut off and resumed at the next start.
app_stop() {
  stop_process "$APP_PID_FILE" 15
  rm -f "$APP_URL_FILE"
}

cli() { dotnet "$CLI_DLL" "$@" 9>&-; }
