#!/bin/sh
# Starts the master and the workers named in conf/workers whose machines run.
: "${SPARK_HOME:=$(cd "$(dirname "$0")/.." && pwd)}"
export SPARK_HOME
exec python3 "$(dirname "$(readlink -f "$0")")/../python/standin/cluster.py" start-all
