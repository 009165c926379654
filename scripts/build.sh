# shellcheck shell=bash
# Builds the app and the command line, once per state of the sources. Needs common.sh.

export APP_DLL="$ROOT/bin/Release/net10.0/Durable.dll"
export CLI_DLL="$ROOT/Cli/bin/Release/net10.0/Durable.Cli.dll"

# One hash over everything that goes into the build, and over the SDK that makes it.
build_fingerprint() {
  {
    (cd "$ROOT" && dotnet --version)
    find "$ROOT" \( -name bin -o -name obj -o -name .local -o -name .git -o -name node_modules -o -name tests -o -name bench \) -prune -o \
      -type f \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' -o -name '*.targets' -o -name '*.sql' -o -name '*.json' -o -name '.editorconfig' \
      -o -path "$ROOT/Console/*" -o -path "$ROOT/Jobs/*" \) -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

build_app() {
  local want stamp="$LOCAL/build.stamp"
  want=$(build_fingerprint)
  if [ -f "$stamp" ] && [ "$(<"$stamp")" = "$want" ] && [ -f "$APP_DLL" ] && [ -f "$CLI_DLL" ]; then return; fi
  if [ -f "$APP_DLL" ]; then say "Building what has changed (about 15 s) ..."; else say "Building for the first time (a minute or two, more while packages are downloaded) ..."; fi
  rm -f "$stamp"
  local project
  for project in Durable.csproj Cli/Durable.Cli.csproj; do
    build_one "$project" && continue
    if grep -qE 'error NU11' "$LOGS/build.log"; then
      die 1 "These packages are not in the package sources of this machine:" "$(grep -oE 'NU11[0-9]+: Unable .*' "$LOGS/build.log" | sed 's/ \[.*//; s/^/  /' | sort -u | head -n 20)" \
        "Give NuGet a source that has them, then run this again:" \
        "  dotnet nuget add source https://api.nuget.org/v3/index.json --name nuget.org"
    fi
    die 1 "$(grep -E 'error|warning' "$LOGS/build.log" | sort -u | head -n 20)" "$project does not build; the whole log is $LOGS/build.log"
  done
  printf '%s\n' "$want" >"$stamp"
}

# Shows progress: the seconds on a terminal, else a line now and then.
build_one() { # build_one PROJECT
  local started=$SECONDS outcome=0
  dotnet build "$ROOT/$1" -c Release -v quiet -nologo -nodeReuse:false >"$LOGS/build.log" 2>&1 </dev/null 9>&- &
  child=$!
  while kill -0 "$child" 2>/dev/null; do
    sleep 1 9>&- &
    wait $! || true
    if [ -t 2 ]; then
      printf '\r  %s, %s s ' "$1" "$((SECONDS - started))" >&2
    elif [ $(((SECONDS - started) % 30)) -eq 0 ] && [ "$SECONDS" -ne "$started" ]; then
      say "  still building $1, $((SECONDS - started)) s"
    fi
  done
  wait "$child" || outcome=$?
  child=''
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  return "$outcome"
}
