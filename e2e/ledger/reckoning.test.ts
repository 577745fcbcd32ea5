import { describe, expect, it } from 'vitest';

import type { LaneName, MessageId } from './message.ts';
import { reckon } from './reckoning.ts';
import type { Deed, RecordEntry } from './record.ts';

function entry(deed: Deed, id: MessageId): RecordEntry {
  const [lane, key, seq] = id.split('/');
  return { deed, lane: lane as LaneName, key: Number(key), seq: Number(seq), by: 'app' };
}

function reckoned(confirmed: MessageId[], entries: RecordEntry[], drops: MessageId[] = []) {
  return reckon({ confirmed: new Set(confirmed), drops: new Set(drops) }, entries, new Set(['plain']));
}

describe('the reckoning', () => {
  it('finds a confirmed message that nobody handled', () => {
    const { lost, handled } = reckoned(['plain/0/0', 'plain/0/1'], [entry('handled', 'plain/0/1')]);
    expect({ lost, handled }).toEqual({ lost: ['plain/0/0'], handled: 1 });
  });

  it('does not miss a message that was only failed', () => {
    expect(reckoned(['plain/0/0'], [entry('failed', 'plain/0/0')])).toMatchObject({ lost: ['plain/0/0'], failures: 1 });
  });

  it('expects what the app dropped in the dead letter topic', () => {
    const dropped = [entry('dropped', 'policy/0/0'), entry('dropped', 'policy/0/1'), entry('dead', 'policy/0/1')];
    const { lost, deadLettered, deadLetteredWithoutCause } = reckoned(['policy/0/0', 'policy/0/1'], dropped, [
      'policy/0/0',
      'policy/0/1',
    ]);
    expect({ lost, deadLettered, deadLetteredWithoutCause }).toEqual({
      lost: ['policy/0/0'],
      deadLettered: 1,
      deadLetteredWithoutCause: [],
    });
  });

  it('tells a dead letter that the app did not drop, although it was handled, too', () => {
    const entries = [entry('dead', 'policy/0/0'), entry('handled', 'policy/0/0')];
    expect(reckoned(['policy/0/0'], entries).deadLetteredWithoutCause).toEqual(['policy/0/0']);
  });

  it('counts what was handled again, and does not take it for disorder', () => {
    const entries = (['plain/0/0', 'plain/0/1', 'plain/0/0', 'plain/0/0'] as const).map((id) => entry('handled', id));
    expect(reckoned(['plain/0/0', 'plain/0/1'], entries)).toMatchObject({ duplicates: 2, outOfOrder: [] });
  });

  it('finds what was handled after a later one of its key, in lanes that promise order', () => {
    const ids = ['plain/0/1', 'plain/1/0', 'plain/0/0', 'bulk/0/1', 'bulk/0/0'] as const;
    const entries = ids.map((id) => entry('handled', id));
    expect(reckoned([...ids], entries).outOfOrder).toEqual(['plain/0/0']);
  });

  it('asks nothing of messages that were not confirmed', () => {
    const entries = [entry('handled', 'plain/0/1'), entry('handled', 'plain/0/0')];
    expect(reckoned(['plain/0/1'], entries)).toMatchObject({ published: 1, handled: 1, lost: [], outOfOrder: [] });
  });
});
