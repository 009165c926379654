# shellcheck shell=bash
# What a fresh Debian machine with only the .NET SDK lacks. Needs common.sh.

# Installs Debian packages when we are root; else says the command that does.
install_packages() { # install_packages REASON PACKAGE...
  local reason=$1
  shift
  if ! is_root || ! command -v apt-get >/dev/null; then
    die 1 "Missing: $reason. Install it, then run this again:" "  sudo apt-get install -y --no-install-recommends $*"
  fi
  say "Installing $* ($reason) ..."
  apt_get install "$@" || { apt_get_update && apt_get install "$@"; } || die 1 "apt-get could not install: $*"
}

apt_get() { # apt_get install PACKAGE...
  DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "$@" </dev/null >"$LOGS/apt.log" 2>&1
}

apt_get_update() { apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >>"$LOGS/apt.log" 2>&1 || { tail -n 5 "$LOGS/apt.log" >&2; return 1; }; }

ensure_dotnet() {
  if ! command -v dotnet >/dev/null && [ -x "$HOME/.dotnet/dotnet" ]; then export PATH="$HOME/.dotnet:$PATH"; fi
  command -v dotnet >/dev/null || die 1 "Missing: the .NET 10 SDK (dotnet is not on the PATH). See https://dotnet.microsoft.com/download/dotnet/10.0"
  (cd "$ROOT" && dotnet --version >/dev/null) || die 1 "The SDK that global.json asks for is not installed; see above."
}

# Folder with initdb and postgres of the newest server, or nothing.
postgres_binaries() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn); do
    if [ -x "$folder/initdb" ]; then
      printf '%s\n' "$folder"
      return
    fi
  done
  return 1
}

ensure_postgres() {
  postgres_binaries >/dev/null && return
  is_root || install_packages "PostgreSQL server" postgresql
  # Debian's package makes and starts a cluster of its own on port 5432 unless told not to; nobody asked for that one.
  install_packages "PostgreSQL server, step 1 of 2" postgresql-common
  local file=/etc/postgresql-common/createcluster.conf
  if [ -f "$file" ]; then cp -p "$file" "$file.durable"; fi
  printf '\ncreate_main_cluster = false\n' >>"$file"
  local outcome=0
  (install_packages "PostgreSQL server, step 2 of 2" postgresql) || outcome=$?
  if [ -f "$file.durable" ]; then mv -f "$file.durable" "$file"; fi
  if [ "$outcome" -ne 0 ] || ! postgres_binaries >/dev/null; then die 1 "PostgreSQL was not installed; the log is $LOGS/apt.log"; fi
}

ensure_time_zones() {
  [ -f /usr/share/zoneinfo/Asia/Seoul ] || install_packages "time zones" tzdata
}

# What the sandbox's stand-in for Spark runs on: Node.js with DuckDB, Python with boto3.
ensure_spark_stand_in() {
  local folder="$ROOT/Sandbox/spark"
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then install_packages "Node.js, for DuckDB" nodejs npm; fi
  if ! python3 -c 'import boto3' 2>/dev/null; then install_packages "Python with boto3" python3 python3-boto3; fi
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
  say "Installing DuckDB ..."
  (cd "$folder" && npm ci --no-audit --no-fund >"$LOGS/npm-spark.log" 2>&1) || die 1 "'npm ci' in $folder failed; its log is $LOGS/npm-spark.log"
}

# What the AWS sandbox runs on: Python with moto, and the aws command for its machines. Debian's moto is too old; pip's goes into .local.
ensure_sandbox() {
  local venv="$LOCAL/python"
  [ ! -x "$venv/bin/python3" ] || export PATH="$venv/bin:$PATH"
  if python3 -c 'import boto3, moto.moto_server.werkzeug_app' 2>/dev/null && command -v aws >/dev/null; then return; fi
  command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || install_packages "Python, for the AWS sandbox" python3 python3-venv
  say "Installing moto ..."
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check 'moto[server]==5.2.1' boto3 awscli >"$LOGS/pip.log" 2>&1 ||
    die 1 "The AWS sandbox's Python packages could not be installed; the log is $LOGS/pip.log"
  export PATH="$venv/bin:$PATH"
}

# Only tests need it, and they skip by name without it. Debian would start it on port 22 at once: nobody asked for that.
ensure_ssh_server() {
  [ ! -x /usr/sbin/sshd ] && is_root && command -v apt-get >/dev/null || return 0
  local policy=/usr/sbin/policy-rc.d made=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=1
  fi
  (install_packages "OpenSSH client and server, for tests" openssh-client openssh-server) || true
  if [ "$made" -eq 1 ]; then rm -f "$policy"; fi
}

# What training jobs of the sandbox find in their "image": Debian's Python with PyTorch, XGBoost and numpy, and LightGBM's C library from its NuGet package.
# OpenBLAS: without it numpy multiplies an order of magnitude slower.
ensure_training() {
  if ! /usr/bin/python3 -c 'import numpy, sklearn, torch, xgboost' 2>/dev/null; then
    install_packages "Python's training libraries, for jobs of the sandbox" python3-torch python3-xgboost python3-sklearn python3-numpy libopenblas0-pthread libgomp1
  fi
  local packages library
  packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
  library="${packages%/}/lightgbm/4.7.0/runtimes/linux-x64/native/lib_lightgbm.so"
  [ -f "$library" ] || dotnet restore "$ROOT/Sandbox/training/Native.csproj" -v quiet >"$LOGS/lightgbm.log" 2>&1 || say "LightGBM's library could not be restored; the log is $LOGS/lightgbm.log"
  [ ! -f "$library" ] || export LIGHTGBM_LIBRARY="$library"
}
