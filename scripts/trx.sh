# shellcheck shell=bash
# Reads test result files (.trx). Source it.

# Prints PASSED FAILED SKIPPED over all result files in a folder. Skipped is what was found but not executed: the file's own
# notExecuted counter stays 0 for skipped facts. What ended neither passed nor skipped (failed, timed out, aborted) is failed.
count_results() { # count_results FOLDER
  local file line passed=0 failed=0 skipped=0
  for file in "$1"/*.trx; do
    [ -f "$file" ] || continue
    line=$(grep -o '<Counters [^>]*' "$file" | tail -n 1)
    local total executed good
    total=$(trx_counter total "$line") executed=$(trx_counter executed "$line") good=$(trx_counter passed "$line")
    passed=$((passed + good)) failed=$((failed + executed - good)) skipped=$((skipped + total - executed))
  done
  printf '%s %s %s\n' "$passed" "$failed" "$skipped"
}

trx_counter() { # trx_counter NAME COUNTERS
  local value
  value=$(sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$2")
  printf '%s\n' "${value:-0}"
}
