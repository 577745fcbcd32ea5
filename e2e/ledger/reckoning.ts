import { idOf, type LaneName, type MessageId } from './message.ts';
import type { RecordEntry } from './record.ts';

/** What the publishers know. */
export interface Published {
  /** The messages of which the API has said that they are published. The others may arrive or not. */
  readonly confirmed: ReadonlySet<MessageId>;
  /** Those that the app drops: each belongs into the dead letter topic. */
  readonly drops: ReadonlySet<MessageId>;
}

/** What came of a run. The lists hold the messages, so that each can be looked for in the logs. */
export interface Reckoning {
  readonly published: number;
  /** Confirmed messages that were handled, or dropped by the app and then dead-lettered. */
  readonly handled: number;
  readonly lost: readonly MessageId[];
  /** All that came to the dead letter topic. */
  readonly deadLettered: number;
  /** Those of them that the app had not dropped. */
  readonly deadLetteredWithoutCause: readonly MessageId[];
  /** Confirmed messages handled for the first time after a later one of their key, in lanes that promise order. */
  readonly outOfOrder: readonly MessageId[];
  /** How many times a message was handled again after it had been handled. */
  readonly duplicates: number;
  /** How many times the app failed a message. */
  readonly failures: number;
}

/** Compares what was published with what the apps recorded. */
export function reckon(
  { confirmed, drops }: Published,
  entries: readonly RecordEntry[],
  ordered: ReadonlySet<LaneName>,
): Reckoning {
  const handled = new Map<MessageId, number>();
  const dead = new Set<MessageId>();
  const newest = new Map<string, number>();
  const outOfOrder: MessageId[] = [];
  let failures = 0;
  for (const entry of entries) {
    const id = idOf(entry);
    if (entry.deed === 'dead') dead.add(id);
    else if (entry.deed === 'failed') failures += 1;
    else {
      const before = handled.get(id) ?? 0;
      handled.set(id, before + 1);
      // a publish that was not confirmed may reach the broker much later
      if (before > 0 || !confirmed.has(id) || !ordered.has(entry.lane)) continue;
      const sequence = `${entry.lane}/${entry.key}`;
      const last = newest.get(sequence) ?? -1;
      if (entry.seq < last) outOfOrder.push(id);
      else newest.set(sequence, entry.seq);
    }
  }
  const lost = [...confirmed].filter((id) => (drops.has(id) ? !dead.has(id) : !handled.has(id)));
  return {
    published: confirmed.size,
    handled: confirmed.size - lost.length,
    lost,
    deadLettered: dead.size,
    deadLetteredWithoutCause: [...dead].filter((id) => !drops.has(id)),
    outOfOrder,
    duplicates: [...handled.values()].reduce((sum, times) => sum + times - 1, 0),
    failures,
  };
}
