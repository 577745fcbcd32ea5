import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SignCertificateRequest_TokenValidator as Validator } from '@outrigger/protocol/sentry';
import { expect, it, onTestFinished } from 'vitest';

import { readSentryToken } from './sentry-token.ts';

function file(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  writeFileSync(path, content);
  return path;
}

it('without any token the authority has to take the workload at its word', async () => {
  const none = { token: '', validator: Validator.UNKNOWN };
  expect(await readSentryToken({ file: undefined, kubernetes: false })).toEqual(none);
  expect(await readSentryToken({ file: undefined, kubernetes: true, kubernetesFiles: ['/nowhere'] })).toEqual(none);
});

it('the token of DAPR_SENTRY_TOKEN_FILE is for JWKS, or for Kubernetes where it runs there', async () => {
  const path = file('abc\n');
  expect(await readSentryToken({ file: path, kubernetes: false })).toEqual({ token: 'abc', validator: Validator.JWKS });
  expect(await readSentryToken({ file: path, kubernetes: true })).toEqual({
    token: 'abc',
    validator: Validator.KUBERNETES,
  });
});

it('on Kubernetes the first token that is mounted is taken', async () => {
  const [first, second] = [file('first'), file('second')];
  const read = (...kubernetesFiles: string[]) =>
    readSentryToken({ file: undefined, kubernetes: true, kubernetesFiles });
  expect((await read(first, second)).token).toBe('first');
  expect(await read('/nowhere', second)).toEqual({ token: 'second', validator: Validator.KUBERNETES });
});

it.each([
  ['', 'is set, but empty'],
  ['/nowhere/token', 'there is no file /nowhere/token'],
])('DAPR_SENTRY_TOKEN_FILE=%j is an error', async (path, reason) => {
  await expect(readSentryToken({ file: path, kubernetes: false })).rejects.toThrow(reason);
});

it('an empty file is an error', async () => {
  await expect(readSentryToken({ file: file(''), kubernetes: false })).rejects.toThrow('is empty');
});
