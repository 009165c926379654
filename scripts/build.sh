# shellcheck shell=bash
# Builds the app and the command line, once for each state of the sources. Needs common.sh.

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
  say "Building ..."
  rm -f "$stamp"
  local project
  for project in Durable.csproj Cli/Durable.Cli.csproj; do
    interruptible dotnet build "$ROOT/$project" -c Release -v quiet -nologo -nodeReuse:false >"$LOGS/build.log" 2>&1 ||
      die 1 "$(grep -E 'error|warning' "$LOGS/build.log" | sort -u | head -n 20)" "$project does not build; the whole log is $LOGS/build.log"
  done
  printf '%s\n' "$want" >"$stamp"
}
