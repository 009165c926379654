"""spark-submit: reads the real options, waits for a master with workers as a driver does, and becomes the job's own Python program."""
import json
import os
import re
import sys
import time
import urllib.request
from pathlib import Path

PYTHON = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PYTHON))

from standin import home  # noqa: E402

WITH_VALUE = """--master --deploy-mode --class --name --jars --packages --exclude-packages --repositories --py-files --files --archives --conf -c
    --properties-file --driver-memory --driver-java-options --driver-library-path --driver-class-path --executor-memory --proxy-user
    --driver-cores --total-executor-cores --executor-cores --num-executors --principal --keytab --queue""".split()
SWITCHES = ["--verbose", "-v", "--supervise"]
UNREACHABLE_TRIES, TRY_SECONDS = 3, 1.0


def log(level, source, message):
    print(f"{time.strftime('%y/%m/%d %H:%M:%S')} {level} {source}: {message}", file=sys.stderr, flush=True)


def fail(message):
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(1)


def read(words):
    """Options before the program, the program, its arguments."""
    options, words = {"--conf": []}, list(words)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        if word in SWITCHES:
            continue
        if word == "--version":
            print("Welcome to the sandbox's stand-in for Spark 3.5 (DuckDB)", file=sys.stderr)
            sys.exit(0)
        if flag in WITH_VALUE:
            if not equals:
                if not words:
                    fail(f"Missing argument for option '{word}'.")
                value = words.pop(0)
            if flag in ("--conf", "-c"):
                if "=" not in value:
                    fail(f"Spark config without '=': {value}")
                options["--conf"].append(value)
            else:
                options[flag] = value
        elif word.startswith("-"):
            fail(f"Unrecognized option: {word}")
        else:
            return options, word, words
    fail("Missing application resource.")


def master_state():
    with urllib.request.urlopen(f"http://127.0.0.1:{home.WEBUI_PORT}/json/", timeout=5) as answer:
        return json.load(answer)


def wait_for_workers(master):
    """Gives up, as Spark does, when no master answers; waits, as Spark does, while it has no workers."""
    tries = 0
    while True:
        log("INFO", "StandaloneAppClient$ClientEndpoint", f"Connecting to master {master}...")
        try:
            if master_state()["aliveworkers"] > 0:
                return
            log("WARN", "TaskSchedulerImpl",
                "Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources")
        except (OSError, ValueError, KeyError):
            tries += 1
            if tries == UNREACHABLE_TRIES:
                log("ERROR", "StandaloneSchedulerBackend", "Application has been killed. Reason: All masters are unresponsive! Giving up.")
                sys.exit(1)
        time.sleep(TRY_SECONDS)


def obey(program):
    """What conf/stand-in.json says about a program whose path contains its 'match': {match, delaySeconds, exitCode}. For tests of failures."""
    try:
        rules = json.loads((home.HOME / "conf" / "stand-in.json").read_text(encoding="utf-8"))
    except OSError:
        return
    for rule in rules if isinstance(rules, list) else [rules]:
        if rule.get("match", "") in program:
            time.sleep(float(rule.get("delaySeconds", 0)))
            if "exitCode" in rule:
                log("ERROR", "SparkContext", "Error initializing SparkContext.")
                sys.exit(int(rule["exitCode"]))


def main():
    options, program, arguments = read(sys.argv[1:])
    if options.get("--deploy-mode", "client") != "client":
        fail("Cluster deploy mode is currently not supported for python applications on standalone clusters.")
    if not program.endswith(".py"):
        fail(f"The stand-in runs Python programs only: {program}")
    for file in [program, *filter(None, options.get("--py-files", "").split(","))]:
        if not Path(file).is_file():
            fail(f"File {file} does not exist")
    master = options.get("--master", "local[*]")
    if not re.fullmatch(r"local(\[[\d*]+\])?|spark://[^/:]+:\d+", master):
        fail(f"Master must either be yarn or start with spark, k8s, or local: {master}")
    log("INFO", "SparkContext", "Running the sandbox's stand-in for Spark version 3.5.0 (DuckDB)")

    for file in home.folder("run").glob("app-*.json"):
        if home.starts(int(file.stem.rsplit("-", 1)[1])) is None:
            file.unlink(missing_ok=True)
    application = f"app-{time.strftime('%Y%m%d%H%M%S')}-{os.getpid()}"
    (home.folder("run") / f"{application}.json").write_text(
        json.dumps({"id": application, "name": options.get("--name", Path(program).name), "pid": os.getpid(), "started": home.starts(os.getpid())}),
        encoding="utf-8")
    if master.startswith("spark://"):
        wait_for_workers(master)
    obey(program)
    extra = [Path(file) for file in options.get("--py-files", "").split(",") if file]
    path = [str(PYTHON), *(str(file.parent if file.suffix == ".py" else file) for file in extra), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execvp(sys.executable, [sys.executable, program, *arguments])  # the driver's process is the one that was started: a signal reaches it


if __name__ == "__main__":
    main()
