import fc from 'fast-check';
import { expect, test } from 'vitest';

import { flagSpecs } from './flag-table.ts';
import { FlagError, flagNotices, parseFlags } from './flags.ts';

const names = Object.keys(flagSpecs);
const value = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '70000',
    '1e999',
    'true',
    'yes',
    '4Mi',
    '5s',
    '-5s',
    '9e99h',
    '__proto__',
    '\0',
    '🛶',
    '../..',
  ),
  fc.integer().map(String),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const argument = fc.oneof(
  fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `--${name}=${text}`),
  fc.tuple(fc.constantFrom('-', '--', '---', ''), fc.constantFrom(...names)).map(([dashes, name]) => dashes + name),
  fc.constantFrom('--', '-', '--=', '--__proto__', '--constructor=1', '--help'),
  value,
);

test('whatever the command line says, it is understood or refused with the flag and what would be right', () => {
  const seen = { understood: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 4 }), (args) => {
      try {
        const parsed = parseFlags(args);
        for (const { message } of flagNotices(parsed)) expect(message).not.toMatch(/\bundefined\b|\[object /);
        for (const [name, { kind }] of Object.entries(flagSpecs)) {
          const one: unknown = (parsed.flags as Record<string, unknown>)[name];
          if (['integer', 'port', 'size', 'duration', 'seconds'].includes(kind) && one !== undefined)
            expect(one).not.toBeNaN();
        }
        seen.understood++;
      } catch (error) {
        expect(error).toBeInstanceOf(FlagError);
        expect((error as FlagError).message).toMatch(/--/);
        expect((error as FlagError).message).not.toMatch(/\bundefined\b|\[object /);
        seen.refused++;
      }
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(seen.understood, seen.refused)).toBeGreaterThan(50);
});
