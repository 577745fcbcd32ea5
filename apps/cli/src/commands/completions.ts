import type { Command } from 'commander';

/** Commands of which the argument is an app that runs. */
const takeAppIds = new Set(['stop']);

/** What may stand in the place of the last word, which may be empty or a beginning. `appIds`: the apps that run. */
export function completionsOf(program: Command, words: readonly string[], appIds: () => readonly string[]): string[] {
  const begun = words.at(-1) ?? '';
  const earlier = words.slice(0, -1);
  // what follows belongs to the app
  if (earlier.includes('--')) return [];
  let command = program;
  for (const word of earlier)
    command = subcommandsOf(command).find((one) => one.name() === word || one.aliases().includes(word)) ?? command;
  const option = command.options.find(({ long, short }) => [long, short].includes(earlier.at(-1)));
  if (option?.required) return matching(option.long?.endsWith('app-id') ? appIds() : (option.argChoices ?? []), begun);
  if (begun.startsWith('-'))
    return matching(
      command.options.filter((one) => !one.hidden).flatMap(({ long }) => long ?? []),
      begun,
    );
  const names = [
    ...subcommandsOf(command).map((one) => one.name()),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    ...(takeAppIds.has(command.name()) ? appIds() : []),
  ];
  return matching(names, begun);
}

function subcommandsOf(command: Command): readonly Command[] {
  return command.commands.filter((one) => !one.name().startsWith('__'));
}

function matching(words: readonly string[], begun: string): string[] {
  return words.filter((word) => word.startsWith(begun)).toSorted();
}
