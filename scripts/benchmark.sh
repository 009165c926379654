# shellcheck shell=bash
# ./run benchmark: where there is no AWS account, trains the models on this machine. Needs common.sh, setup.sh, sandbox.sh.

export MLFLOW_PID_FILE="$LOCAL/mlflow.pid"

# Points the app at the sandbox, with a bucket, MNIST where it is found, an image for each framework and a tracking server.
benchmark_on_sandbox() { # benchmark_on_sandbox MNIST_FOLDER
  ensure_training
  sandbox_start_or_use
  say "No AWS account is configured: using the sandbox on $AWS_ENDPOINT_URL (storage and training jobs are stand-ins that really run)."
  local bucket=benchmark-desk file
  aws s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=$AWS_REGION" >/dev/null
  if [ -f "$1/train-images-idx3-ubyte.gz" ]; then
    say "Uploading MNIST ..."
    for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do aws s3 cp --only-show-errors "$1/$file-ubyte.gz" "s3://$bucket/mnist/$file-ubyte.gz"; done
  else
    say "MNIST's four files are not in $1 (--mnist DIR): its models will not be run."
  fi
  export Benchmark__Bucket=$bucket Benchmark__RoleArn=arn:aws:iam::123456789012:role/sandbox
  export Benchmark__Images="${Benchmark__Images:-xgboost=sandbox,lightgbm=sandbox,pytorch=sandbox,tensorflow=sandbox}"
  if [ -z "${Benchmark__MlflowUrl:-}" ]; then mlflow_start; fi
}

# A tracking server that answers as MLflow does, in memory; Benchmark__MlflowUrl names a real one instead.
mlflow_start() {
  mlflow_stop
  local ready="$LOCAL/mlflow.url" tenths=100
  rm -f "$ready"
  setsid python3 "$ROOT/Sandbox/mlflow/server.py" --port 0 --ready-file "$ready" --parent $$ </dev/null >"$LOGS/mlflow.log" 2>&1 9>&- &
  remember_process "$MLFLOW_PID_FILE" $!
  until [ -s "$ready" ]; do
    [ $((tenths--)) -gt 0 ] || die 1 "The tracking server did not start; its log is $LOGS/mlflow.log"
    sleep 0.1
  done
  Benchmark__MlflowUrl=$(<"$ready")
  export Benchmark__MlflowUrl
  say "Tracking server (a stand-in for MLflow, in memory): $Benchmark__MlflowUrl"
}

mlflow_stop() { stop_process "$MLFLOW_PID_FILE" 5; }

run_benchmark() {
  local port exit_when_done=0 mnist="${DURABLE_SHARED_DATA:-$ROOT/../shared/data}/mnist" arguments=()
  default_port
  while [ $# -gt 0 ]; do
    case $1 in
      --model) option_value "$@"; arguments+=("$1" "$2"); shift 2 ;;
      --seed | --train-rows | --epochs) option_value "$@"; whole_number "$1" "$2"; arguments+=("$1" "$2"); shift 2 ;;
      --mnist) option_value "$@"; mnist=$2; shift 2 ;;
      --force) arguments+=("$1"); shift ;;
      --port) port_option "$1" "${2:-}"; shift 2 ;;
      --exit) exit_when_done=1; shift ;;
      *) bad_usage "Unknown option: $1" ;;
    esac
  done
  prepare
  own_or_say_who_does
  aws_is_configured || benchmark_on_sandbox "$mnist"
  start_everything "$port"
  local url outcome=0
  url=$(app_url)
  if sandbox_is_ours; then sandbox_end_lost_runs "$url" benchmark; fi
  interruptible dotnet "$CLI_DLL" benchmark run --url "$url" ${arguments[@]+"${arguments[@]}"} || outcome=$?
  if [ "$outcome" -ne 2 ]; then interruptible dotnet "$CLI_DLL" benchmark compare --url "$url" --svg "$LOCAL/benchmark-curves.svg" || true; fi
  if [ "$exit_when_done" -eq 1 ] || [ "$outcome" -eq 2 ]; then exit "$outcome"; fi
  stay_up "$url"
}
