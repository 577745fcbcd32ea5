import { type Command, CommanderError } from 'commander';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createProgram } from './program.ts';
import { UserError } from './user-error.ts';

const words = [
  'run',
  'list',
  'stop',
  'invoke',
  'publish',
  'components',
  'describe',
  'add',
  'doctor',
  'init',
  'completion',
  'dashboard',
  'version',
  'help',
];
const flags = [
  '-a',
  '-p',
  '-f',
  '-d',
  '-m',
  '-o',
  '--output',
  '--app-id',
  '--app-port',
  '--dapr-http-port',
  '--method',
  '--data',
  '--set',
  '--help',
  '--version',
  '--',
  '-',
  '---',
  '--=',
  '--app-port=',
  '--output=json',
];
const argument = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(...flags),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '70000',
    '3000',
    'orders',
    '1e9',
    'NaN',
    '../..',
    '__proto__',
    'constructor',
    '\0',
    '🛶',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

test('whatever the command line says, it is understood or refused in words for its author', async () => {
  const seen = { understood: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...words), fc.array(argument, { maxLength: 5 }), async (word, args) => {
      let written = '';
      const write = (text: string) => void (written += text);
      const program = createProgram({ env: {}, setExitCode: () => {} });
      for (const command of allOf(program)) {
        command.configureOutput({ writeOut: write, writeErr: write });
        // what it would do is for other tests
        if (command.commands.length === 0) command.action(() => void seen.understood++);
      }
      try {
        await program.parseAsync([word, ...args], { from: 'user' });
      } catch (error) {
        if (!(error instanceof UserError)) expect(error).toBeInstanceOf(CommanderError);
        expect(written + (error as Error).message).toMatch(/\S{4}/);
        expect(written).not.toMatch(/\n\s+at |\bundefined\b|\[object /);
        seen.refused++;
      }
    }),
    { numRuns: 400 },
  );
  expect(Math.min(seen.understood, seen.refused)).toBeGreaterThan(10);
}, 60_000);

function* allOf(command: Command): Generator<Command> {
  yield command;
  for (const one of command.commands) yield* allOf(one);
}
