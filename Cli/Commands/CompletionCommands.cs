using System.CommandLine;
using Durable.Cli.Output;

namespace Durable.Cli.Commands;

/// <summary>Completion in a shell: <c>durable completion bash</c> prints a script for the shell, which calls <c>durable complete</c> at
/// each Tab.</summary>
internal static class CompletionCommands
{
    private const string RunWords = "climate pothole benchmark returns spot func sandbox serve cli status logs stop reset";

    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = $$"""
            # In ~/.bashrc:  source <(durable completion bash)
            _durable() {
              local words=("${COMP_WORDS[@]:1:COMP_CWORD}") program=("$1")
              if [[ $1 == */run ]]; then
                if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W '{{RunWords}}' -- "$2")); return; fi
                [ "${words[0]}" = cli ] || return
                words=("${words[@]:1}") program=("$1" cli)
              fi
              local IFS=$'\n'
              COMPREPLY=($("${program[@]}" complete -- "${words[@]}" 2>/dev/null))
            }
            complete -o default -F _durable durable ./run
            """,
        ["zsh"] = $$"""
            # In ~/.zshrc, after compinit:  source <(durable completion zsh)
            _durable() {
              local -a line found program
              program=("${words[1]}") line=("${(@)words[2,CURRENT]}")
              [[ ${words[1]} != run ]] || return # another program, from the PATH
              if [[ ${words[1]} == */run ]]; then
                if (( CURRENT == 2 )); then compadd -- {{RunWords}}; return; fi
                [[ ${words[2]} == cli ]] || return
                program+=(cli) line=("${(@)line[2,-1]}")
              fi
              found=("${(@f)$("${program[@]}" complete -- "${line[@]}" 2>/dev/null)}")
              compadd -- "${(@)found:#}"
            }
            compdef _durable durable run # zsh looks up ./run as run
            """,
        ["fish"] = $$"""
            # durable completion fish > ~/.config/fish/completions/durable.fish
            function __durable_complete
              set -l words (commandline -opc)
              set -l part (commandline -ct)
              set -l program $words[1]
              set -l line $words[2..-1]
              if string match -q '*/run' -- $program
                if test (count $line) -eq 0
                  string split ' ' -- '{{RunWords}}'
                  return
                end
                test $line[1] = cli; or return
                set program $program cli
                set line $line[2..-1]
              end
              $program complete -- $line "$part" 2>/dev/null
            end
            complete -c durable -f -a '(__durable_complete)'
            complete -c run -f -a '(__durable_complete)'
            """,
    };

    /// <summary>Prints the script of a shell.</summary>
    public static Command Script(Screen screen)
    {
        Argument<string> shell = new("shell") { Description = "bash, zsh or fish" };
        shell.CompletionSources.Add(_ => Scripts.Keys.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        shell.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !Scripts.ContainsKey(result.Tokens[0].Value))
                result.AddError($"The shell is '{result.Tokens[0].Value}'; allowed are {string.Join(", ", Scripts.Keys)}.");
        });
        Command command = new("completion", "Prints the completion script of a shell; its first line says where it goes.") { shell };
        command.SetAction(parsed => screen.Out.WriteLine(Scripts[parsed.GetRequiredValue(shell)]));
        return command;
    }

    /// <summary>Prints possible next words, one per line. For the scripts; hidden.</summary>
    public static Command Complete(Command root, Screen screen)
    {
        Argument<string[]> words = new("words") { Arity = ArgumentArity.ZeroOrMore };
        Command command = new("complete", "What may follow these words.") { words };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            string[] line = parsed.GetValue(words) ?? [];
            string part = line.Length > 0 ? line[^1] : string.Empty;
            string text = string.Join(' ', [root.Name, .. line.SkipLast(1).Select(Quoted), part]);
            List<string> found =
            [
                .. root.Parse(text)
                    .GetCompletions(text.Length)
                    .Select(item => item.Label)
                    .Where(label => label.StartsWith(part, StringComparison.OrdinalIgnoreCase))
                    .Distinct(),
            ];
            // Options only when requested, or when nothing else may follow.
            List<string> wordsOnly = [.. found.Where(label => !label.StartsWith('-'))];
            foreach (
                string label in part.StartsWith('-') || wordsOnly.Count == 0
                    ? found.Where(label => part.Length > 1 || label.StartsWith("--", StringComparison.Ordinal))
                    : wordsOnly
            )
                screen.Out.WriteLine(label);
        });
        return command;
    }

    private static string Quoted(string word) => word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
