import { stateStoreConformance, type StateStoreQuirks } from '@outrigger/conformance/state';
import type { StateFeature } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { skipReason } from '../src/state/case.ts';
import { StateSubject } from '../src/state/subject.ts';
import { concurrentThemes, themes } from '../src/state/themes.ts';
import { maxValueBytes, MemoryStateServer, type StateFault } from './memory-state-server.ts';
import { MemoryStateStore, password } from './memory-state-store.ts';

const cases = [...themes.values(), ...concurrentThemes.values()].flat();

function quirksOf(server: MemoryStateServer): StateStoreQuirks {
  return {
    maxValueBytes,
    credentials: [password],
    failsWithinMs: 2000,
    recoversWithinMs: 2000,
    server: { kill: () => server.kill(), start: () => server.start() },
  };
}

describe.each<[string, readonly StateFeature[]]>([
  ['everything', ['etag', 'ttl']],
  ['no etags', ['ttl']],
  ['no time to live', ['etag']],
])('with a store that keeps its word and claims %s', (_, features) => {
  const server = new MemoryStateServer();
  stateStoreConformance(async () => new MemoryStateStore(server, features), quirksOf(server));
});

it.each([0, 99, Number.NaN])('cannot be told to let two writers compete %d times only', async (competitions) => {
  const create = async () => new MemoryStateStore(new MemoryStateServer(), ['etag', 'ttl']);
  await expect(StateSubject.open(create, { competitions })).rejects.toThrow('100 at least');
});

it('finds out a set-up that calls instances isolated that share their items', async () => {
  const server = new MemoryStateServer();
  const create = async () => new MemoryStateStore(server, ['etag', 'ttl']);
  await using subject = await StateSubject.open(create, { ...quirksOf(server), isolated: true });
  const title = 'keeps its items from other instances where the set-up says that they are isolated';
  await expect(cases.find((one) => one.title === title)?.run(subject)).rejects.toThrow(/to be undefined/);
});

describe('a store is found out that', () => {
  const twoWriters = 'lets exactly one of two writers with the same etag win, every time';
  const killed =
    'when the server is killed under load, no acknowledged write is lost and nothing else is answered than the truth';
  const down = 'while the server is down every call says so in time, and the same instance works once it is back';
  const closed = 'settles every call when it is closed under load, and keeps what it answered';

  it.each<[StateFault, string, RegExp, StateFeature[]?]>([
    ['lets the last of two writers win whatever their etags', twoWriters, /writers that won/],
    ['compares an etag and writes in two steps', twoWriters, /writers that won/],
    [
      'stops in the middle of a transaction',
      'does all or nothing when a write in the middle must fail',
      /to deeply equal/,
    ],
    [
      'keeps for ever what has a time to live',
      'keeps an item for its time and not much longer, and says when it ends',
      /NaN/,
    ],
    ['lists what has expired', 'neither lists nor counts expired keys', /to deeply equal/],
    [
      'repeats a key on the next page',
      'pages through 12 keys by 5: each once, and no token after the last',
      /to deeply equal/,
    ],
    [
      'gives a token after the last page',
      'pages through 12 keys by 6: each once, and no token after the last',
      /to be greater than 0/,
    ],
    [
      'answers bulk calls out of order',
      'answers in the order of the requests, also for what is missing or asked twice',
      /to deeply equal/,
    ],
    [
      'keeps values as UTF-8',
      'gives back bytes that are no UTF-8 as it went in, also to a reader of many',
      /to deeply equal/,
    ],
    [
      'takes values that are too large for it',
      'refuses a value that is larger with the limit in the message, and keeps the old one',
      /instead of rejecting/,
    ],
    [
      'takes composed and decomposed letters for one',
      'tells keys apart that differ in composed and decomposed letters',
      /to deeply equal/,
    ],
    ['folds the case of keys', 'tells keys apart that differ in upper and lower case', /to deeply equal/],
    ['answers before it stores', killed, /of what was acknowledged|are lost|the last of many|attempt/],
    ['has a method for what it cannot do', 'can do what it has a method for', /deleteWithPrefix/],
    [
      'shows etags that it does not claim',
      'shows etags only where it claims them, and an end only where it claims that and one was given',
      /to be false/,
      ['ttl'],
    ],
    [
      'ignores first-write where it does not claim etags',
      'refuses etags and first-write where it does not claim etags',
      /first-write, which is not claimed/,
      ['ttl'],
    ],
    [
      'ignores a time to live that it does not claim',
      'refuses a time to live where it does not claim one, and takes "for ever"',
      /a time to live, which is not claimed/,
      ['etag'],
    ],
    [
      'ignores the signal',
      'does nothing when its signal has aborted already, and rejects with the reason',
      /instead of rejecting/,
    ],
    ['hangs when it is closed under load', closed, /closing took longer/],
    [
      'serves after it was closed',
      'can be closed twice, also at the same time, and then refuses every call',
      /instead of rejecting/,
    ],
    ['forgets what was under way when it is closed', closed, /to deeply equal/],
    [
      'takes a text of a query for a pattern',
      'takes texts as they are, not as a part of its language',
      /to deeply equal/,
    ],
    ['takes any token of a query', 'refuses no-such-token as a token', /instead of rejecting/],
    ['shows its password', 'shows its credentials to nobody', /secrets that are shown/],
    ['waits for its server for ever', down, /without a server took longer/],
    ['finds nothing while its server is down', down, /failed with an answer/],
    ['calls its own outage a wrong request', down, /failed with ComponentError/],
    ['stays down after an outage', killed, /acknowledged: /],
  ])('%s, by: %s', { timeout: 60_000 }, async (fault, title, verdict, features) => {
    const server = new MemoryStateServer(fault);
    const create = async () => new MemoryStateStore(server, features);
    const subject = await StateSubject.open(create, quirksOf(server));
    const found = cases.find((one) => one.title === title);
    expect(found && skipReason(found, subject)).toBeUndefined();
    await expect(found?.run(subject)).rejects.toThrow(verdict);
  });
});

it('no two cases have the same title', () => {
  const titles = cases.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
