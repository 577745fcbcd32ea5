import { ComponentError, type StateOperation, type StateStore } from '@outrigger/core';

import { textOf } from './cloud-event-envelope.ts';

const committed = Buffer.from('"0"');
const closed = Buffer.from('"void"');
/** A transaction that was held up longer than this between its event and its commit would be written without the event. */
const closedForSeconds = 24 * 60 * 60;

/** `committed`: the transaction is done. `closed`: it can no longer be done. `missing`: neither, as yet. */
export type MarkerState = 'committed' | 'closed' | 'missing';

/**
 * The markers in a state store by which a transaction is known to be done: an item that it writes beside its own, under a key of
 * its own that no prefix stands before, as in Dapr. It is written only when it is not there, so that {@link Markers.close}
 * and the transaction exclude each other.
 */
export class Markers {
  readonly #store: StateStore;
  /** Whether the store can write an item only when it is not there. */
  readonly canClose: boolean;
  readonly #hasTtl: boolean;

  constructor(store: StateStore) {
    this.#store = store;
    this.#hasTtl = store.features.includes('ttl');
    this.canClose = store.features.includes('etag');
  }

  newId(): string {
    return `outbox-${crypto.randomUUID()}`;
  }

  /** The operation that writes a marker as part of its transaction. */
  operation(id: string): StateOperation {
    return {
      operation: 'set',
      key: id,
      value: committed,
      ...(this.canClose && { concurrency: 'first-write' as const }),
      // a default of the component must not make it expire before the event is out
      ...(this.#hasTtl && { ttlInSeconds: -1 }),
    };
  }

  async look(id: string, signal: AbortSignal): Promise<MarkerState> {
    const item = await this.#store.get({ key: id, consistency: 'strong' }, signal);
    if (item === undefined || item.value.byteLength === 0) return 'missing';
    return textOf(item.value) === closed.toString() ? 'closed' : 'committed';
  }

  /** Sees to it that the transaction can no longer be done, unless it is; answers which of both it is. */
  async close(id: string, signal: AbortSignal): Promise<MarkerState> {
    const ttl = this.#hasTtl ? { ttlInSeconds: closedForSeconds } : {};
    try {
      await this.#store.set({ key: id, value: closed, concurrency: 'first-write', ...ttl }, signal);
      return 'closed';
    } catch (error) {
      if (!ComponentError.is(error) || error.code !== 'etag-mismatch') throw error;
      return this.look(id, signal);
    }
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#store.delete({ key: id }, signal);
  }
}
