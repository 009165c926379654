using System.Globalization;
using Durable.Operations.Leases;
using Durable.Operations.Remote;

namespace Durable.Pipelines.Pothole;

/// <summary>Scripts for the cluster's machines. They are constant text; every value is an argument, used only as <c>"$1"</c>.</summary>
/// <remarks>On a machine <c>SPARK_HOME</c> and <c>SPARK_MASTER_WEBUI_PORT</c> have Spark's defaults unless its environment sets them. Job
/// ids come from the run, so repeated calls start a job once.</remarks>
public static class SparkJobs
{
    // Arguments: the workers' addresses. Done when the master itself reports all of them alive, not after some seconds.
    private const string Start = """
        set -eu
        home="${SPARK_HOME:-/opt/spark}"
        port="${SPARK_MASTER_WEBUI_PORT:-8080}"
        printf '%s\n' "$@" >"$home/conf/workers"
        "$home/sbin/start-all.sh"
        alive=-1
        for second in $(seq 120); do
          alive=$(curl -fsS --max-time 5 "http://127.0.0.1:$port/json/" 2>/dev/null | tr -d ' \n' | sed -n 's/.*"aliveworkers":\([0-9]*\).*/\1/p')
          if [ "${alive:-0}" -ge $# ]; then echo "$alive of $# workers registered"; exit 0; fi
          sleep 1
        done
        echo "only ${alive:-no} of $# workers registered with the master within 120 s" >&2
        exit 1
        """;

    private const string Stop = """
        home="${SPARK_HOME:-/opt/spark}"
        exec "$home/sbin/stop-all.sh"
        """;

    // Arguments: where the bundle lies, its hash. A folder with the name of its content is complete or absent, and never changes.
    private const string Deploy = """
        set -eu
        target="${HOME:-/root}/durable-code/$2"
        if [ ! -d "$target" ]; then
          rm -rf "$target.new"
          mkdir -p "$target.new"
          aws s3 cp --recursive --only-show-errors "$1" "$target.new"
          (cd "$target.new" && [ "$(sha256sum MANIFEST.sha256 | cut -c1-16)" = "$2" ] && sha256sum --quiet --strict -c MANIFEST.sha256)
          mv "$target.new" "$target"
        fi
        echo "code $2 is in place"
        """;

    private const string Install = """
        exec python3 -m pip install --quiet --disable-pip-version-check "$@"
        """;

    // Arguments: the code's hash, the script in it, where attempts write, how many words spark-submit gets, those words, and the words of
    // the stage.
    private const string SubmitScript = """
        set -eu
        script="${HOME:-/root}/durable-code/$1/$2"; output="$3$DURABLE_JOB/"; words=$4
        shift 4
        # Turns the arguments once round, with the script put behind the words of spark-submit.
        left=$#
        while [ "$left" -gt 0 ]; do
          if [ "$words" -eq 0 ]; then set -- "$@" "$script"; fi
          words=$((words - 1))
          set -- "$@" "$1"
          shift
          left=$((left - 1))
        done
        exec "${SPARK_HOME:-/opt/spark}/bin/spark-submit" "$@" --output "$output"
        """;

    /// <summary>Starts Spark and waits until every worker is registered.</summary>
    public static RemoteCommand StartSpark(PotholeWork work, IEnumerable<Machine> workers) =>
        RemoteCommand.Script(
            Id(work, "start-spark"),
            Start,
            [.. workers.Select(worker => worker.Address ?? throw new ArgumentException($"Worker {worker.Id} has no address."))],
            TimeSpan.FromMinutes(5)
        );

    public static RemoteCommand StopSpark(PotholeWork work) =>
        RemoteCommand.Script(Id(work, "stop-spark"), Stop, [], TimeSpan.FromMinutes(2));

    /// <summary>Copies the code with this content hash to the machine.</summary>
    public static RemoteCommand DeployCode(PotholeWork work) =>
        RemoteCommand.Script(Id(work, "deploy-code"), Deploy, [work.CodeUri, work.CodeHash], TimeSpan.FromMinutes(5));

    /// <summary>Installs the pinned packages, if any.</summary>
    public static RemoteCommand InstallPackages(PotholeWork work, string machineId) =>
        RemoteCommand.Script(Id(work, "install-" + machineId), Install, work.Spark.Packages, TimeSpan.FromMinutes(10));

    /// <summary>The driver of a stage, in client mode on the master.</summary>
    public static RemoteCommand Submit(PotholeWork work, StageWork stage, Machine master)
    {
        SparkSettings spark = work.Spark;
        string[] submit =
        [
            "--master",
            $"spark://{master.Address}:7077",
            "--deploy-mode",
            "client",
            "--executor-memory",
            spark.ExecutorMemory,
            "--executor-cores",
            Text(spark.ExecutorCores),
            "--total-executor-cores",
            Text(spark.TotalExecutorCores),
            .. Settings(spark.Region).SelectMany(setting => new[] { "--conf", setting }),
        ];
        return RemoteCommand.Script(
            Id(work, stage.Name),
            SubmitScript,
            [
                work.CodeHash,
                stage.Script,
                stage.RunUri,
                Text(submit.Length),
                .. submit,
                "--batch-date",
                work.Date,
                "--input",
                stage.InputUri,
                .. stage.Arguments,
            ],
            stage.Timeout
        );
    }

    private static IEnumerable<string> Settings(string region) =>
        [
            "spark.hadoop.fs.s3a.impl=org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.s3a.aws.credentials.provider=com.amazonaws.auth.InstanceProfileCredentialsProvider",
            $"spark.hadoop.fs.s3a.endpoint=s3.{region}.amazonaws.com",
            "spark.sql.adaptive.enabled=true",
            "spark.sql.adaptive.coalescePartitions.enabled=true",
            "spark.hadoop.fs.s3a.connection.maximum=200",
            "spark.hadoop.fs.s3a.threads.max=100",
        ];

    // The run's start time makes the id unique: another run of the same day has other jobs.
    private static string Id(PotholeWork work, string step) => $"{work.RunId.Replace('/', '.')}.{step}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
