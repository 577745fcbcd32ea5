import { Argument, type Command } from 'commander';
import { homeFolder } from '../home.ts';
import { Registry } from '../instances/registry.ts';
import type { CommandContext } from '../program.ts';
import { completionsOf } from './completions.ts';

/** What a shell evaluates; it asks the hidden command for the words that may come next. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_outrigger() {
  local IFS=$'\\n'
  COMPREPLY=($(outrigger __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _outrigger outrigger
`,
  zsh: `autoload -U +X bashcompinit && bashcompinit
_outrigger() {
  local IFS=$'\\n'
  COMPREPLY=($(outrigger __complete -- "\${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _outrigger outrigger
`,
  fish: `complete -c outrigger -f -a '(outrigger __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** `outrigger completion`: a script that makes a shell complete commands, flags and app ids. */
export function addCompletion(program: Command, { env }: CommandContext): void {
  program
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description('Prints a script for a shell. For bash: source <(outrigger completion bash), in ~/.bashrc.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)))
    .action((shell: string) => void process.stdout.write(scripts[shell] ?? ''));
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .action((words: string[]) => {
      const appIds = () => [...new Set(new Registry(homeFolder(env)).list().map(({ appId }) => appId))];
      process.stdout.write(
        completionsOf(program, words, appIds)
          .map((word) => `${word}\n`)
          .join(''),
      );
    });
}
