using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Durable.Postgres;

namespace Durable.Operations.Remote;

/// <summary>
/// The shell side of jobs. A job is a folder <c>~/.durable/jobs/ID</c>: <c>command</c>, <c>lock</c> (held by the runner while it lives),
/// <c>pid</c> (it started), <c>log</c>, <c>rc</c> (it ended, or must never start). Every process of a job carries <c>DURABLE_JOB=ID</c> in
/// its environment.
/// </summary>
/// <remarks>
/// The lock, not the pid, shows whether a job runs: pids are reused, at the latest after a reboot. Needs sh and the flock, setsid, timeout,
/// base64 and grep of any Linux with util-linux, coreutils and GNU grep. Everything variable is sent as base64 or as a checked id.
/// </remarks>
internal static partial class RemoteScripts
{
    private const int MostBytes = 48 * 1024; // SSM takes 64 KB of parameters; base64 turns 3 bytes into 4

    private const string Prelude = """
        set -u
        umask 077
        id='{id}'
        root="${HOME:-/root}/.durable/jobs"
        job="$root/$id"
        answer() {
          tail=''
          if [ -f "$job/log" ]; then tail=$(tail -c 6144 "$job/log" | base64 | tr -d '\n'); fi
          printf '\n@durable-job %s %s %s\n' "$1" "${2:--}" "${tail:--}"
        }
        look() {
          if [ ! -d "$job" ]; then answer NotFound; return; fi
          if [ -s "$job/rc" ]; then answer Exited "$(cat "$job/rc")"; return; fi
          exec 9>>"$job/lock"
          if ! flock -n 9; then answer Running; return; fi
          flock -u 9
          if [ -s "$job/rc" ]; then answer Exited "$(cat "$job/rc")"
          elif [ -e "$job/pid" ]; then answer Lost
          else answer NotFound; fi
        }

        """;

    // The runner takes the lock before it looks whether it may begin, and so does kill before it says "never": one of the two comes first.
    private const string Start = """
        main() {
          mkdir -p "$job" || exit 1
          find "$root" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null
          if [ ! -e "$job/rc" ] && [ ! -e "$job/pid" ]; then
            printf %s '{command}' | base64 -d >"$job/command.$$" && mv "$job/command.$$" "$job/command" || exit 1
            cd "${HOME:-/}" || exit 1
            DURABLE_JOB="$id" setsid sh -c '
              exec 9>>"$1/lock"
              flock -w 20 9 || exit 1
              if [ -e "$1/rc" ] || [ -e "$1/pid" ]; then exit 0; fi
              trap : TERM INT HUP
              echo $$ >"$1/pid.new" && mv "$1/pid.new" "$1/pid" || exit 1
              timeout -k 10 "$2" sh "$1/command" </dev/null >"$1/log" 2>&1 9>&-
              echo $? >"$1/rc.new" && mv "$1/rc.new" "$1/rc"
            ' runner "$job" '{seconds}' </dev/null >/dev/null 2>&1 &
            n=0
            while [ ! -e "$job/pid" ] && [ ! -e "$job/rc" ] && [ "$n" -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
          fi
          look
        }
        main </dev/null
        """;

    private const string Poll = """
        main() { look; }
        main </dev/null
        """;

    // timeout passes SIGTERM on to its process group and kills that after 10 s: what cleared its environment goes with it.
    private const string Kill = """
        marked() { grep -lzsxF "DURABLE_JOB=$id" /proc/[0-9]*/environ | cut -d/ -f3; }
        never() {
          if flock -w 5 9; then
            if [ ! -s "$job/rc" ]; then echo "$1" >"$job/rc.new" && mv "$job/rc.new" "$job/rc"; fi
            flock -u 9
          fi
        }
        main() {
          mkdir -p "$job" || exit 1
          exec 9>>"$job/lock"
          if [ ! -e "$job/pid" ]; then
            never 143
          fi
          n=0
          pids=$(marked)
          while [ -n "$pids" ] && [ "$n" -lt 150 ]; do
            if [ "$n" -eq 0 ]; then kill -TERM $pids 2>/dev/null; fi
            if [ "$n" -ge 100 ]; then kill -KILL $pids 2>/dev/null; fi
            sleep 0.1
            n=$((n + 1))
            pids=$(marked)
          done
          if [ -n "$pids" ]; then answer Running; return; fi
          never 137
          look
        }
        main </dev/null
        """;

    /// <exception cref="ArgumentException">Id, argument, name or timeout cannot be sent.</exception>
    public static string ForStart(RemoteCommand command)
    {
        if (command.Arguments.Count == 0)
            throw new ArgumentException($"Job {command.JobId} has no program to run.");
        if (command.Timeout < TimeSpan.FromSeconds(1) || command.Timeout > TimeSpan.FromDays(7))
            throw new ArgumentException($"The timeout of job {command.JobId} is {command.Timeout}; it must be from 1 s to 7 days.");
        byte[] text = Encoding.UTF8.GetBytes(CommandText(command));
        if (text.Length > MostBytes)
            throw new ArgumentException(
                $"The arguments of job {command.JobId} take {text.Length} bytes; at most {MostBytes} can be sent. Put them into a file."
            );
        return (Checked(Prelude, command.JobId) + Start)
            .Replace("{command}", Convert.ToBase64String(text), StringComparison.Ordinal)
            .Replace(
                "{seconds}",
                Math.Ceiling(command.Timeout.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                StringComparison.Ordinal
            );
    }

    public static string ForPoll(string jobId) => Checked(Prelude, jobId) + Poll;

    public static string ForKill(string jobId) => Checked(Prelude, jobId) + Kill;

    /// <summary>Reads the last line that a script printed; null when it is missing, so the script did not finish.</summary>
    public static RemoteJobState? Read(string output)
    {
        Match answer = Answer().Match(output);
        if (!answer.Success)
            return null;
        string tail = answer.Groups["tail"].Value is "-"
            ? ""
            : Encoding.UTF8.GetString(Convert.FromBase64String(answer.Groups["tail"].Value));
        return new RemoteJobState(
            Enum.Parse<RemoteJobPhase>(answer.Groups["phase"].Value),
            int.TryParse(answer.Groups["rc"].Value, CultureInfo.InvariantCulture, out int code) ? code : null,
            Redaction.Redact(tail)
        );
    }

    /// <summary>One word for a POSIX shell: in single quotes, where only the quote itself is special.</summary>
    /// <exception cref="ArgumentException">NUL or an unpaired surrogate: an argument cannot contain it.</exception>
    public static string Quote(string value)
    {
        if (value.Contains('\0'))
            throw new ArgumentException("An argument contains NUL, which cannot be passed to a program.");
        for (int i = 0; i < value.Length; i++)
        {
            if (char.IsHighSurrogate(value[i]) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
                i++;
            else if (char.IsSurrogate(value[i]))
                throw new ArgumentException("An argument contains an unpaired surrogate, which is not valid text.");
        }

        return "'" + value.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
    }

    private static string CommandText(RemoteCommand command)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in command.Environment ?? new Dictionary<string, string>())
        {
            if (!VariableName().IsMatch(name))
                throw new ArgumentException($"'{name}' is not a valid environment variable name.");
            text.Append(CultureInfo.InvariantCulture, $"export {name}={Quote(value)}\n");
        }

        return text.Append("exec ").AppendJoin(' ', command.Arguments.Select(Quote)).Append('\n').ToString();
    }

    private static string Checked(string prelude, string jobId) =>
        JobId().IsMatch(jobId)
            ? prelude.Replace("{id}", jobId, StringComparison.Ordinal)
            : throw new ArgumentException(
                $"'{jobId}' is not a valid job id: letters, digits, '.', '_', '-', at most 120, the first a letter or digit."
            );

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,119}\z")]
    private static partial Regex JobId();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_]*\z")]
    private static partial Regex VariableName();

    [GeneratedRegex(
        @"^@durable-job (?<phase>NotFound|Running|Exited|Lost) (?<rc>\d{1,3}|-) (?<tail>[A-Za-z0-9+/=]+|-)\r?$",
        RegexOptions.Multiline | RegexOptions.RightToLeft
    )]
    private static partial Regex Answer();
}
