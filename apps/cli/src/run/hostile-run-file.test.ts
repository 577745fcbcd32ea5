import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';

import { UserError } from '../user-error.ts';
import { readRunFile } from './run-file.ts';

const secret = 'hunter2-is-nobodys-business';
const source = `version: 1
common:
  resourcesPath: ./orders
  env: {TOKEN: ${secret}, DEBUG: true}
  appLogDestination: console
  daprdLogDestination: file
apps:
  - appID: orders
    appDirPath: ./orders
    appPort: 3000
    daprHTTPPort: 3500
    command: [node, app.js]
    dependsOn: [checkout]
    enableAppHealthCheck: true
    appHealthThreshold: 3
    env: {A: b}
  - appID: checkout
    appDirPath: ./checkout
    appProtocol: grpc
    command: ["node", "app.js"]
    maxBodySize: 4Mi
`;

const values = [
  '',
  '~',
  '[]',
  '{}',
  '-1',
  '70000',
  '1e999',
  'true',
  '"\\0"',
  "'unclosed",
  '*nowhere',
  '../../..',
  '__proto__',
  '${X}',
  '|\n  a',
  'ß漢字',
];
const value = fc.oneof(fc.constantFrom(...values), fc.string({ unit: 'binary', maxLength: 12 }));

test('whatever a run file says, it is read or refused in words for its author, and no secret is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const app of ['orders', 'checkout']) mkdirSync(join(folder, app));
  const file = join(folder, 'dapr.yaml');
  const seen = { read: 0, refused: 0 };
  const lines = source.split('\n').length;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(lines - 1), value), { minLength: 1, maxLength: 3 }), async (mistakes) => {
      const text = source.split('\n');
      for (const [line, put] of mistakes)
        text[line] = (text[line] ?? '').replace(/(: ?).*$|$/, `$1${put.replaceAll('$', '$$$$')}`);
      writeFileSync(file, text.join('\n'));
      try {
        await readRunFile(file, folder);
        seen.read++;
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        const { message } = error as UserError;
        expect(message).toMatch(/\S{5}/);
        expect(message).not.toContain(secret);
        expect(message).not.toMatch(/\[object |\n\s+at |\bundefined\b/);
        seen.refused++;
      }
    }),
    { numRuns: 300 },
  );
  expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(10);
}, 60_000);
