#!/bin/sh
# Makes DIR a Spark home of its own: programs linked from here, conf/, logs/ and run/ its own. May be called again.
set -eu
[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$1/conf" "$1/logs" "$1/run"
for part in bin sbin python; do ln -sfn "$here/$part" "$1/$part"; done
[ -f "$1/conf/workers" ] || cp "$here/conf/workers" "$1/conf/workers"
