# shellcheck shell=bash
# One PostgreSQL server of our own: loopback only, a password only the caller can read, never as root. Needs common.sh and setup.sh.
#
# PG_HOME is its folder: data/, log, port. Call postgres_choose_home or set PG_HOME before anything else.

PG_SETTINGS=(-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c shared_buffers=256MB -c max_wal_size=4GB)

# The server refuses root, so root hands it to user postgres.
as_server() { (cd / && if is_root; then exec runuser -u postgres -- "$@"; else exec "$@"; fi) 9>&-; }

# .local/postgres, unless we are root and user postgres cannot reach the repository (under /root, say): then /var/lib/durable-<hash of its path>.
postgres_choose_home() {
  PG_HOME="$LOCAL/postgres"
  if is_root && ! as_server test -x "$LOCAL"; then
    PG_HOME="/var/lib/durable-$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)"
    [ -d "$PG_HOME" ] || say "User postgres cannot reach $LOCAL: the database goes to $PG_HOME."
  fi
}

postgres_password() { cut -d: -f5 "$LOCAL/pgpass"; }

postgres_connection() {
  printf 'Host=127.0.0.1;Port=%s;Username=durable;Password=%s;Database=durable' "$(<"$PG_HOME/port")" "$(postgres_password)"
}

# Prints the pid of the server that runs on PG_HOME/data. A pid file left by a killed server may name a stranger by now.
postgres_pid() {
  local pid=''
  [ -f "$PG_HOME/data/postmaster.pid" ] && read -r pid <"$PG_HOME/data/postmaster.pid" || return 1
  [[ $pid =~ ^[0-9]+$ ]] && [ -r "/proc/$pid/cmdline" ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$PG_HOME/data" || return 1
  printf '%s\n' "$pid"
}

postgres_create() {
  say "Creating a database in $PG_HOME ..."
  mkdir -p "$PG_HOME" "$LOCAL"
  rm -rf "$PG_HOME/data.new" # a run killed during initdb left it
  printf '127.0.0.1:*:*:durable:%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" | install -m 600 /dev/stdin "$LOCAL/pgpass"
  (umask 077 && postgres_password >"$PG_HOME/password")
  if is_root; then chown postgres: "$PG_HOME" "$PG_HOME/password"; fi
  chmod 700 "$PG_HOME"
  as_server "$(postgres_binaries)/initdb" -D "$PG_HOME/data.new" -U durable -A scram-sha-256 --pwfile="$PG_HOME/password" -E UTF8 --locale=C \
    >"$LOGS/initdb.log" 2>&1 || die 1 "initdb failed:" "$(tail -n 20 "$LOGS/initdb.log")"
  rm -f "$PG_HOME/password"
  mv "$PG_HOME/data.new" "$PG_HOME/data"
}

# Starts the server, or finds it running.
postgres_start() {
  make_logs
  [ -d "$PG_HOME/data" ] || postgres_create
  [ -f "$LOCAL/pgpass" ] || die 1 "$LOCAL/pgpass, the password of the database in $PG_HOME, is gone. './run reset' makes a new database."
  postgres_pid >/dev/null || postgres_launch
  postgres_psql postgres -qAtc "SELECT 1 FROM pg_database WHERE datname = 'durable'" | grep -q 1 ||
    postgres_psql postgres -qc "CREATE DATABASE durable TEMPLATE template0"
}

postgres_launch() {
  local port='' pid='' tries
  if [ -f "$PG_HOME/data/postmaster.pid" ]; then
    # The server itself settles a file whose process is gone; a live stranger with that number would stop it from starting.
    read -r pid <"$PG_HOME/data/postmaster.pid" || true
    if [ -n "$pid" ] && [ -d "/proc/$pid" ]; then rm -f "$PG_HOME/data/postmaster.pid"; fi
  fi
  [ -f "$PG_HOME/port" ] && port=$(<"$PG_HOME/port")
  for tries in 1 2 3 4 5; do
    if [ -z "$port" ] || port_is_taken "$port"; then port=$(free_port 54320 55319); fi
    printf '%s\n' "$port" >"$PG_HOME/port"
    # -w waits until it answers, crash recovery included.
    if as_server "$(postgres_binaries)/pg_ctl" start -w -t 120 -s -D "$PG_HOME/data" -l "$PG_HOME/log" -o "-p $port ${PG_SETTINGS[*]}" </dev/null >&2; then return; fi
    sleep "$tries" # backends of a killed server need a moment to notice
  done
  die 1 "PostgreSQL did not start; the end of $PG_HOME/log:" "$(tail -n 20 "$PG_HOME/log")"
}

postgres_psql() { # postgres_psql DATABASE ARGUMENT...
  local database=$1
  shift
  PGPASSFILE="$LOCAL/pgpass" "$(postgres_binaries)/psql" -X -h 127.0.0.1 -p "$(<"$PG_HOME/port")" -U durable -d "$database" "$@"
}

postgres_stop() {
  local pid
  pid=$(postgres_pid) || return 0
  as_server "$(postgres_binaries)/pg_ctl" stop -s -m fast -w -t 60 -D "$PG_HOME/data" >&2 ||
    { [ "$(postgres_pid)" = "$pid" ] && kill -QUIT "$pid"; } || true
}

# Says at once when nobody listens where a connection string points, which the app would keep trying. Sockets and several hosts are left to the app.
postgres_probe() { # postgres_probe CONNECTION
  local host port
  host=$(connection_field "$1" 'host|server') port=$(connection_field "$1" 'port')
  case $host in '' | /* | *,*) return ;; esac
  port=${port:-5432}
  [[ $port =~ ^[0-9]{1,5}$ ]] || return 0
  # shellcheck disable=SC2016 # the inner shell's own arguments
  if ! timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' probe "$host" "$port" 2>/dev/null; then
    die 1 "PostgreSQL does not answer at $host:$port, where PostgresConnection points." \
      "Start it, correct PostgresConnection in the environment, or unset it: then ./run starts a database of its own."
  fi
}

connection_field() { # connection_field CONNECTION NAMES
  tr ';' '\n' <<<"$1" | sed -nE "s/^[[:space:]]*($2)[[:space:]]*=[[:space:]]*(.*[^[:space:]])[[:space:]]*\$/\2/Ip" | tail -n 1
}
