#!/bin/sh
# Stops the workers and the master. Drivers see their master go and end.
: "${SPARK_HOME:=$(cd "$(dirname "$0")/.." && pwd)}"
export SPARK_HOME
exec python3 "$(dirname "$(readlink -f "$0")")/../python/standin/cluster.py" stop-all
