namespace Durable.Tests.Scripts;

public sealed class ScriptTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("durable-scripts-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("run", "--bogus")]
    [InlineData("run", "climb")]
    [InlineData("test", "--bogus")]
    public async Task An_unknown_word_ends_with_2_and_is_named(string command, string word)
    {
        Ran ran = await Terminal.BashAsync($"./{command} {word}");

        Assert.Equal(2, ran.ExitCode);
        Assert.Contains(word, ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--cells many")]
    [InlineData("--workers")]
    [InlineData("--start-year --exit")]
    [InlineData("benchmark --epochs few")]
    public async Task A_value_that_is_none_is_refused_before_anything_starts(string option)
    {
        Ran ran = await Terminal.BashAsync($"./run {option}");

        Assert.Equal(2, ran.ExitCode);
        Assert.Contains(
            option.Split(' ').First(word => word.StartsWith("--", StringComparison.Ordinal)),
            ran.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_result_file_with_skipped_and_broken_tests_is_counted_whole()
    {
        await File.WriteAllTextAsync(
            Path.Combine(folder, "a.trx"),
            Trx("total=\"10\" executed=\"7\" passed=\"5\" failed=\"1\" error=\"0\" timeout=\"1\" notExecuted=\"0\"")
        );
        await File.WriteAllTextAsync(Path.Combine(folder, "b.trx"), Trx("total=\"4\" executed=\"4\" passed=\"4\" failed=\"0\""));

        Ran ran = await Terminal.BashAsync($". scripts/trx.sh; count_results '{folder}'");

        Assert.Equal("9 2 3", ran.Output.Trim()); // 5 + 4 passed; failed and timed out; 10 − 7 never executed
    }

    [Fact]
    public async Task A_log_stays_small_while_its_process_writes_and_the_last_words_are_kept()
    {
        Ran ran = await Terminal.BashAsync(
            $"""
            . scripts/common.sh
            (for i in $(seq 1 400); do echo "line $i of the log"; [ $((i % 40)) -ne 0 ] || sleep 0.1; done) >>'{folder}/log' & pid=$!
            LOG_MOST=1000 LOG_LOOK=0.02 keep_log_small '{folder}/log' $pid
            tail -n 1 '{folder}/log' '{folder}/log.1' | grep -c 'of the log'
            cat '{folder}/log' '{folder}/log.1' | grep 'line 400 '
            ls '{folder}' | tr '\n' ' '
            stat -c %s '{folder}/log'
            """
        );

        string[] lines = ran.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("line 400 of the log", lines);
        Assert.StartsWith("log log.1 ", lines[^1], StringComparison.Ordinal);
        Assert.InRange(long.Parse(lines[^1].Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture), 0, 4000); // of some 8,000 written
    }

    [Fact]
    public async Task Logs_are_for_their_owner_only()
    {
        Ran ran = await Terminal.BashAsync(
            $". scripts/common.sh; LOGS='{folder}/logs'; mkdir -p \"$LOGS\"; make_logs; stat -c %a '{folder}/logs'"
        );

        Assert.Equal("700", ran.Output.Trim());
    }

    [Fact]
    public async Task A_second_serve_names_the_address_of_the_first_also_while_that_is_still_starting()
    {
        Ran ran = await Terminal.BashAsync(
            $"""
            LOCAL='{folder}/local'; mkdir -p "$LOCAL"
            (
              exec 9>"$LOCAL/run.lock"; flock 9 # the first
              sleep 1
              sleep 30 & app=$!; own=$LOCAL; . scripts/common.sh; remember_process "$own/app.pid" $app
              echo http://127.0.0.1:7071 >"$own/app.url"
              sleep 2; kill $app
            ) 9>&- &
            sleep 0.3
            . scripts/common.sh; LOCAL='{folder}/local'; APP_PID_FILE="$LOCAL/app.pid"; APP_URL_FILE="$LOCAL/app.url"
            eval "$(sed -n '/^app_url()/p' scripts/app.sh; sed -n '/^refuse_second()/,/^[[:punct:]]$/p' run)"
            refuse_second
            """
        );

        Assert.Contains("http://127.0.0.1:7071", ran.Error, StringComparison.Ordinal);
        Assert.Equal(1, ran.ExitCode);
    }

    [Fact]
    public async Task A_pid_file_names_its_process_until_that_ends_and_never_a_later_one_with_its_number()
    {
        Ran ran = await Terminal.BashAsync(
            $"""
            . scripts/common.sh
            sleep 60 & pid=$!
            remember_process '{folder}/pid' $pid
            [ "$(running_process '{folder}/pid')" = $pid ] && echo found
            read -r _ start <'{folder}/pid'
            echo "$pid $((start - 1))" >'{folder}/reused'
            running_process '{folder}/reused' || echo 'a stranger'
            stop_process '{folder}/reused' 1
            kill -0 $pid && echo 'left alone'
            stop_process '{folder}/pid' 5
            kill -0 $pid 2>/dev/null || echo stopped
            """
        );

        Assert.Equal("found\na stranger\nleft alone\nstopped\n", ran.Output);
    }

    private static string Trx(string counters) =>
        $"<TestRun><ResultSummary outcome=\"Failed\">\n<Counters {counters} />\n</ResultSummary></TestRun>";

    [Fact]
    public void What_runs_in_the_background_does_not_hold_the_lock_of_run()
    {
        string[] scripts = ["run", .. Directory.GetFiles(Path.Combine(Terminal.Root, "scripts"), "*.sh")];
        string[] background =
        [
            .. from script in scripts
            from line in File.ReadAllLines(Path.Combine(Terminal.Root, script))
            where System.Text.RegularExpressions.Regex.IsMatch(line, @"(?<![&>])&(\s*$| wait )")
            select line.Trim(),
        ];

        Assert.True(background.Length > 8, string.Join('\n', background));
        Assert.All(background, line => Assert.Contains("9>&- &", line, StringComparison.Ordinal));
    }
}
