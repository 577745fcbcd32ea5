import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { generateAuthority } from '../authority/authority-keys.ts';
import { run } from './run.ts';

const scratch = mkdtempSync(join(tmpdir(), 'outrigger-sentry-hostile-'));
const folder = join(scratch, 'files');
// what a path of two dots leads to is still a folder of this test
const here = join(scratch, 'one/two');
const before = process.cwd();
beforeAll(() => {
  for (const one of [folder, here]) mkdirSync(one, { recursive: true });
  process.chdir(here);
});
afterAll(() => {
  process.chdir(before);
  rmSync(scratch, { recursive: true, force: true });
});

const texts = [
  '',
  '0',
  '-1',
  '70000',
  '1e999',
  '24h',
  '-5s',
  '9e99h',
  '999999999h',
  '__proto__',
  'a\nb',
  '\0',
  '🛶',
  '../..',
  '\u001B[31m',
  'jwks',
  'kubernetes',
  'insecure',
  '127.0.0.1',
  '192.0.2.1',
  'https://[',
  '{"keys":1}',
  'Zm9v',
  '/dev/null',
  '/proc/self/mem',
  folder,
];
const names =
  'port listen-address healthz-port config issuer-credentials issuer-ca-filename issuer-certificate-filename issuer-key-filename trust-domain control-plane-namespace workload-cert-ttl allowed-clock-skew token-validator jwks-source workload-trust-domain anchors-lead log-level version help constructor'.split(
    ' ',
  );
// no name that a name server would be asked for
const value = fc.oneof(fc.constantFrom(...texts), fc.integer().map(String));
const flag = fc.oneof(
  fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `--${name}=${text}`),
  fc.constantFrom(...names).map((name) => `--${name}`),
  fc.constantFrom('--', '-', '--=', '-p', 'rotate-root', 'serve', '\n'),
  fc.constantFrom('--port=0', '--log-level=error', '--trust-domain=a.b', '--workload-cert-ttl=1h', '--version'),
);

/** Runs the process in this one, ending it once it serves. Not two at a time. */
async function attempt(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((part) => {
      written[name] += String(part);
      return true;
    }),
  );
  try {
    return { code: await run(args, env, AbortSignal.abort()), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** What a refusal has to be: a sentence for who wrote the flag or the file, and says which. */
function expectRefusal({ code, stdout, stderr }: Awaited<ReturnType<typeof attempt>>, places: readonly string[]): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  // a Configuration may have several mistakes
  // oxlint-disable-next-line no-control-regex -- none of them may be there
  expect(stderr).toMatch(/^outrigger-sentry: [^\u0000-\u001F]{10,}\n(\S+:\d+: [^\u0000-\u001F]+\n)*$/);
  expect(
    places.some((place) => stderr.includes(place)),
    stderr,
  ).toBe(true);
  expect(stderr).not.toMatch(/\bundefined\b|\[object |\bat .*:\d+:\d+/);
}

test('whatever the command line says, it is served, or refused in a sentence that names the flag', async () => {
  const seen = { served: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(flag, { minLength: 1, maxLength: 4 }), async (given) => {
      // a free port unless another one is named, and no waiting
      const answer = await attempt(['--port=0', '--anchors-lead=0', ...given]);
      if (answer.code === 0) {
        expect(answer.stderr).toBe('');
        seen.served++;
      } else {
        const values = given.flatMap((one) => [one, ...one.split('=').slice(1)]).filter(Boolean);
        expectRefusal(answer, ['--', 'KUBERNETES_SERVICE_HOST', 'rotate-root', 'cannot listen on', ...values]);
        seen.refused++;
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(seen.served, seen.refused)).toBeGreaterThan(10);
}, 120_000);

test('the stack of a refusal is shown where OUTRIGGER_DEBUG is set', async () => {
  const { code, stderr } = await attempt(['--port=none'], { OUTRIGGER_DEBUG: '1' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^outrigger-sentry: --port: expected a port.*\nFlagError: [^]*\n\s+at /);
});

test('whatever is in the files, they are used, or refused in a sentence that names file or folder', async () => {
  const { trustAnchors, issuerChain, issuerKey } = await generateAuthority('localhost');
  const strange = await generateAuthority('elsewhere');
  const files = { 'ca.crt': trustAnchors, 'issuer.crt': issuerChain, 'issuer.key': issuerKey };
  const credential = (good: string, other: string) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(good) },
      fc.constantFrom(other, '', good.slice(0, 90), `${good}${good}`, good.replaceAll('\n', ''), good.toLowerCase()),
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ maxLength: 60 }).map((text) => good.replace(/\n.*\n/, `\n${text}\n`)),
    );
  const spec = fc.oneof(
    fc.constantFrom('', '{', 'a: b: c', '[]', 'null', '\0', 'kind: Configuration', '--- ---\n%'),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .record({
        workloadCertTTL: fc.oneof(value, fc.jsonValue()),
        tokenValidators: fc.oneof(fc.jsonValue(), fc.constant([{ name: 'jwks', options: { source: '{' } }])),
        controlPlaneTrustDomain: fc.oneof(value, fc.jsonValue()),
      })
      .map((mtls) =>
        JSON.stringify({
          apiVersion: 'dapr.io/v1alpha1',
          kind: 'Configuration',
          metadata: { name: 'c' },
          spec: { mtls },
        }),
      ),
  );
  const seen = { served: 0, refused: 0 };
  const credentials = fc.record({
    'ca.crt': credential(trustAnchors, strange.trustAnchors),
    'issuer.crt': credential(issuerChain, strange.issuerChain),
    'issuer.key': credential(issuerKey, strange.issuerKey),
  });
  const keySet = fc.oneof(
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        credentials.map((some) => ({ some, args: [`--issuer-credentials=${folder}`] })),
        credentials.map((some) => ({ some, args: ['rotate-root', `--issuer-credentials=${folder}`] })),
        spec.map((config) => ({ some: { config }, args: [`--config=${join(folder, 'config')}`] })),
        keySet.map((keys) => ({
          some: { keys },
          args: ['--token-validator=jwks', `--jwks-source=${join(folder, 'keys')}`],
        })),
      ),
      async ({ some, args }) => {
        for (const [name, text] of Object.entries({ ...files, ...some })) writeFileSync(join(folder, name), text);
        const answer = await attempt(['--port=0', '--anchors-lead=0', ...args]);
        if (answer.code === 0) {
          seen.served++;
          return;
        }
        const path = 'config' in some ? join(folder, 'config') : folder;
        expectRefusal(answer, [path, '--', 'jwks', 'KUBERNETES_SERVICE_HOST']);
        seen.refused++;
      },
    ),
    { numRuns: 400 },
  );
  expect(Math.min(seen.served, seen.refused)).toBeGreaterThan(20);
}, 120_000);
