import { secretStoreConformance, type SecretStoreQuirks } from '@outrigger/conformance/secrets';
import { describe, expect, it } from 'vitest';
import { SecretSubject } from '../src/secrets/case.ts';
import { themes } from '../src/secrets/themes.ts';
import { MemorySecretServer, MemorySecretStore, oddSecrets, type SecretFault, token } from './memory-secrets.ts';

const cases = [...themes.values()].flat();

function quirksOf(server: MemorySecretServer): SecretStoreQuirks {
  return {
    oddSecrets,
    versions: [
      { name: 'conftestsecret', metadata: { version: '1' }, secret: { conftestsecret: 'older' } },
      { name: 'conftestsecret', metadata: { version: '2' }, secret: { conftestsecret: 'abcd' } },
      { name: 'conftestsecret', metadata: { version: '3' }, secret: undefined },
    ],
    credentials: [token],
    failsWithinMs: 2000,
    recoversWithinMs: 2000,
    server: { kill: () => server.kill(), start: () => server.start() },
  };
}

describe('with a store that keeps its word', () => {
  const server = new MemorySecretServer();
  secretStoreConformance(async () => new MemorySecretStore(server), quirksOf(server));
});

describe('a store is found out that', () => {
  const down = 'while the server is down every call says so in time, and the same instance works once it is back';
  const shown = 'shows neither secrets nor credentials in a view of itself or in an error';
  const closed = 'can be closed twice, also at the same time, and then refuses every call';

  it.each<[SecretFault, string, RegExp]>([
    [
      'resolves names as paths',
      'has no secret called "nowhere/../conftestsecret", or refuses the name',
      /to deeply equal undefined/,
    ],
    ['decodes names', 'has no secret called "%63onftestsecret", or refuses the name', /to deeply equal undefined/],
    ['knows what every object has', 'has no secret called toString', /to deeply equal undefined/],
    ['answers nothing as an empty secret', 'has no secret called no-such-secret', /to deeply equal undefined/],
    [
      'claims several values and joins them',
      'keeps several values in one secret when it says that it can, and else one under its own name',
      /to deeply equal/,
    ],
    [
      'hands out what it keeps',
      'gives everyone what is stored, whatever another caller did with what it was given',
      /changed/,
    ],
    ['lists something else than it gives', 'lists all its secrets by name, each as get gives it', /to match object/],
    ['ignores the version', 'gives the version of a secret that the metadata ask for', /older/],
    [
      'ignores the signal',
      'gives nothing to a caller that has gone, and rejects with the reason',
      /instead of rejecting/,
    ],
    [
      'fails everybody when one caller goes',
      'settles every call whose caller goes, and answers those who stay',
      /was aborted/,
    ],
    ['serves after it was closed', closed, /instead of rejecting/],
    ['hangs when it is closed', closed, /closing took longer/],
    ['shows its token', shown, /secrets that are shown/],
    ['shows the secrets it has read', shown, /secrets that are shown/],
    ['shows its token in errors', shown, /secrets that are shown/],
    ['finds nothing while its server is down', down, /answered without a server/],
    ['waits for its server for ever', down, /without a server took longer/],
    ['stays down after an outage', down, /the server is down/],
  ])('%s, by: %s', { timeout: 60_000 }, async (fault, title, verdict) => {
    const server = new MemorySecretServer(fault);
    const subject = await SecretSubject.open(async () => new MemorySecretStore(server), quirksOf(server));
    const found = cases.find((one) => one.title === title);
    expect(found?.unless?.(subject) || undefined).toBeUndefined();
    const error = await found?.run(subject).then(
      () => 'nothing',
      (reason: unknown) => reason,
    );
    expect(String(error) + JSON.stringify(error)).toMatch(verdict);
  });
});

it('no two cases have the same title', () => {
  const titles = cases.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
