# shellcheck shell=bash
# Help texts of ./run. Needs nothing.

usage() {
  case ${1:-all} in
    climate) usage_climate ;;
    pothole) usage_pothole ;;
    benchmark)
      cat <<'HELP'
Usage: ./run benchmark [OPTIONS]
Trains, gates, registers and compares the six models; without an AWS account, on a sandbox. Stays up until Ctrl-C.
  --model LIST        only these models, such as xgboost; comma-separated (default all)
  --train-rows N      the first training rows only
  --epochs N          epochs, or rounds of boosting (default: all, as defined)
  --mnist DIR         folder of MNIST's four gzipped files, for the sandbox
  --seed N            seed of the training
  --force             also what is already done
  --port N            port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
  --exit              stop everything when the suite has ended
HELP
      ;;
    returns)
      cat <<'HELP'
Usage: ./run returns [OPTIONS]
Trains the returns model, publishes and uses it; without an AWS account, on a sandbox with sample rows. Stays up until Ctrl-C.
  --rows N            rows of the sample data on the sandbox, ten minutes apart (default 3000)
  --limit N, --since TIME, --skip-data-prep, --force, --instance-type TYPE, --framework-version V   see ./run cli returns train --help
  --port N            port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
  --exit              stop everything when the model is in use
HELP
      ;;
    spot)
      cat <<'HELP'
Usage: ./run spot [OPTIONS]
Collects one slot of the EC2 spot market; without an AWS account, on a sandbox. Stays up until Ctrl-C.
  --types LIST        instance types, a star for any ending (default t3.*,m5.*,c6i.*,p4d.*)
  --regions LIST      regions (default: all that are enabled)
  --port N            port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
  --exit              stop everything when the slot is collected
HELP
      ;;
    serve)
      cat <<'HELP'
Usage: ./run serve [--port N]
Starts PostgreSQL and the app and stays up until Ctrl-C; runs nothing. Timers fire, HTTP starts runs, and interrupted runs continue.
  --port N   port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
HELP
      ;;
    sandbox)
      cat <<'HELP'
Usage: ./run sandbox [--port N]
Starts a local stand-in for AWS, with machines and Spark that really run, until Ctrl-C. ./run pothole uses it while it runs. See Sandbox/README.md.
  --port N   its port on 127.0.0.1 (default 4566)
HELP
      ;;
    func)
      cat <<'HELP'
Usage: ./run func
Starts PostgreSQL, Azurite and the app on the Azure Functions host (func start). Names whatever is missing, with the command that installs it.
HELP
      ;;
    cli) echo "Usage: ./run cli ARGUMENTS...   the command line against the app that ./run started; ./run cli --help has its commands" ;;
    status)
      cat <<'HELP'
Usage: ./run status [--json]
Shows what is running here, and where. Exit code: 0 the app runs, 1 it does not.
  --json     as JSON, for programs
HELP
      ;;
    logs)
      cat <<'HELP'
Usage: ./run logs [app|postgres|sandbox|build]
Follows the log of the app (default) or of what is named, until Ctrl-C.
HELP
      ;;
    stop)
      cat <<'HELP'
Usage: ./run stop
Stops the app, the database and the sandbox that ./run started. Unfinished runs continue at the next start.
HELP
      ;;
    reset)
      cat <<'HELP'
Usage: ./run reset [--yes]
Stops everything, then deletes the database, the logs and the results. Asks first.
  --yes      does not ask
HELP
      ;;
    *) usage_all ;;
  esac
}

usage_climate() {
  cat <<'HELP'
Usage: ./run [climate] [OPTIONS]
Sets up what is missing, starts PostgreSQL and the app, generates a sample climate once, runs the hazard batch, stays up until Ctrl-C.
  --cells N           grid cells of the sample climate (default 1000); another number or seed replaces the sample
  --seed N            seed of the sample climate (default 1)
  --scenario LIST     only these scenarios, such as SSP245; comma-separated (default all)
  --start-year YEAR   first year
  --end-year YEAR     last year
  --workers N         partitions computed at the same time
  --batch-size N      rows per chunk written
  --force             compute existing partitions, too
  --port N            port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
  --exit              stop everything when the batch has ended
HELP
}

usage_pothole() {
  cat <<'HELP'
Usage: ./run pothole [OPTIONS]
Runs one day of road sensors on the Spark cluster; without an AWS account, on a sandbox with sample data. Stays up until Ctrl-C.
  --date YYYY-MM-DD   Korean calendar day (default: yesterday)
  --force             repeat every step, also finished ones
  --trips N           trips of the sample data on the sandbox (default 200)
  --seed N            seed of the sample data (default 1)
  --port N            port of the app on 127.0.0.1 (default FUNCTIONS_PORT, else 7071, or a free one when that is taken)
  --exit              stop everything when the day has ended
HELP
}

usage_all() {
  cat <<'HELP'
Usage: ./run [climate] [OPTIONS]   set up, start, generate a sample climate once, run the hazard batch, stay up until Ctrl-C
       ./run pothole [OPTIONS]     one day of road sensors on the Spark cluster; without an AWS account, on a sandbox with sample data
       ./run benchmark [OPTIONS]   the six models: train, gate, register, compare; without an AWS account, on a sandbox
       ./run returns [OPTIONS]     train the returns model, publish and use it; without an AWS account, on a sandbox with sample rows
       ./run spot [OPTIONS]        one slot of the EC2 spot market; without an AWS account, on a sandbox
       ./run serve [--port N]      start the app and stay up, run nothing
       ./run func                  the app on the Azure Functions host (func start) with Azurite
       ./run sandbox [--port N]    a local stand-in for AWS, until Ctrl-C
       ./run cli ARGUMENTS...      the command line against the running app; try ./run cli --help
       ./run status [--json]       what is running, and where
       ./run logs [NAME]           the app's log, followed; also postgres, sandbox, build
       ./run stop                  stop what ./run started
       ./run reset [--yes]         stop, then delete the database, logs and results

Each has --help with its options.

HELP
  usage_climate | tail -n +3 | { echo "Options of climate"; cat; }
  cat <<'HELP'

PostgresConnection in the environment uses that database instead of starting one.
Exit code: 0 done or nothing to do, 1 the run or the set-up failed, 2 unknown option or bad value, 130 interrupted.
HELP
}
