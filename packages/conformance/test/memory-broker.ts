import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ComponentError, type RequestMetadata } from '@outrigger/core';
import type { MemorySubscription } from './memory-subscription.ts';

/** Ways to break the contract, each as a careless component might. */
export type Fault =
  | 'acknowledges before it hands over'
  | 'waits for no handler when it leaves'
  | 'loses what it has fetched when it leaves'
  | 'puts a failed message behind the others'
  | 'confirms what the broker does not have'
  | 'subscribes no more after an outage'
  | 'fetches without a limit'
  | 'repeats the whole batch'
  | 'counts a delivery for what it hands back'
  | 'goes on while paused';

export interface Entry {
  readonly sequence: number;
  readonly topic: string;
  readonly data: () => Uint8Array;
  readonly contentType?: string;
  readonly metadata: RequestMetadata;
  deliveries: number;
  failed: boolean;
  /** Set by a component that fetches without a limit. */
  fetched?: Uint8Array;
}

/** What waits for one consumer id on one topic. Only the consumer that joined first is served, so that order is kept. */
export class Group {
  readonly consumers: MemorySubscription[] = [];
  waiting: Entry[] = [];

  pump(): void {
    this.consumers[0]?.pump();
  }

  giveBack(...entries: Entry[]): void {
    this.waiting = [...this.waiting, ...entries].toSorted((one, other) => one.sequence - other.sequence);
  }
}

/** A broker with order, consumer groups and delivery counts. Payloads are in a file, so that they do not fill the process. */
export class MemoryBroker implements Disposable {
  readonly faults: ReadonlySet<Fault>;
  up = true;
  readonly #groups = new Map<string, Map<string, Group>>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  readonly #file = openSync(join(this.#folder, 'payloads'), 'w+');
  #written = 0;
  #sequence = 0;

  constructor(...faults: Fault[]) {
    this.faults = new Set(faults);
  }

  group(topic: string, consumerId: string): Group {
    this.refuseWhenDown();
    const groups = this.#groups.get(topic) ?? new Map<string, Group>();
    this.#groups.set(topic, groups);
    const group = groups.get(consumerId) ?? new Group();
    groups.set(consumerId, group);
    return group;
  }

  async take(topic: string, payload: Uint8Array, contentType: string | undefined, metadata: RequestMetadata) {
    if (metadata['refuse']) throw new ComponentError('invalid-argument', 'the broker refuses this message');
    this.refuseWhenDown();
    if (!this.faults.has('confirms what the broker does not have'))
      return this.#store(topic, payload, contentType, metadata);
    setTimeout(() => {
      if (this.up) this.#store(topic, payload, contentType, metadata);
    }, 20);
  }

  async kill(): Promise<void> {
    this.up = false;
  }

  async start(): Promise<void> {
    this.up = true;
    const all = [...this.#groups.values()].flatMap((groups) => [...groups.values()]);
    if (this.faults.has('subscribes no more after an outage')) for (const { consumers } of all) consumers.length = 0;
    for (const group of all) group.pump();
  }

  refuseWhenDown(): void {
    if (!this.up) throw new ComponentError('unavailable', 'the broker is down');
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true });
  }

  #store(topic: string, payload: Uint8Array, contentType: string | undefined, metadata: RequestMetadata): void {
    const position = this.#written;
    const { length } = payload;
    this.#written += writeSync(this.#file, payload, 0, length, position);
    const data = () => {
      const copy = new Uint8Array(length);
      readSync(this.#file, copy, 0, length, position);
      return copy;
    };
    const sequence = this.#sequence++;
    for (const group of this.#groups.get(topic)?.values() ?? []) {
      const entry: Entry = {
        sequence,
        topic,
        data,
        metadata,
        deliveries: 0,
        failed: false,
        ...(contentType && { contentType }),
      };
      if (this.faults.has('fetches without a limit')) entry.fetched = data();
      group.waiting.push(entry);
      group.pump();
    }
  }
}
