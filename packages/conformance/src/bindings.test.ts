import { type BindingEventHandler, type Bindings, ComponentError, DeliveryQueue } from '@outrigger/core';
import { bindingsConformance } from './bindings.ts';

/** A queue and a shelf in memory: the smallest binding that is both input and output, and gives back what was not handled. */
class MemoryBinding implements Bindings {
  readonly operations = ['create', 'get', 'delete'];
  readonly #items = new Map<string, Uint8Array>();
  readonly #readers: Set<DeliveryQueue<Uint8Array>>;
  #closed = false;

  constructor(readers: Set<DeliveryQueue<Uint8Array>>) {
    this.#readers = readers;
  }

  async invoke(request: Parameters<NonNullable<Bindings['invoke']>>[0], signal: AbortSignal) {
    this.#refuse(signal);
    const key = request.metadata['key'] ?? '';
    if (!this.operations.includes(request.operation)) throw new ComponentError('unsupported', 'it cannot do that');
    if (request.operation === 'create') this.#items.set(key, request.data);
    if (request.operation === 'delete') this.#items.delete(key);
    const data = request.operation === 'get' ? this.#items.get(key) : undefined;
    return data === undefined ? {} : { data };
  }

  async read(handler: BindingEventHandler, signal: AbortSignal) {
    this.#refuse(signal);
    const { signal: never } = new AbortController();
    const queue = new DeliveryQueue<Uint8Array>(2, async (data) => {
      try {
        await handler({ data, metadata: { source: 'memory' } }, never);
      } catch {
        queue.add(data);
      }
    });
    this.#readers.add(queue);
    return {
      pause: async () => queue.pause(),
      resume: async () => queue.resume(),
      [Symbol.asyncDispose]: async () => {
        this.#readers.delete(queue);
        queue.close();
        await queue.settled();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #refuse(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'it is closed');
  }
}

const readers = new Set<DeliveryQueue<Uint8Array>>();
bindingsConformance(async () => new MemoryBinding(readers), {
  address: (key) => ({ key }),
  emit: async (data) => {
    for (const reader of readers) reader.add(data);
  },
});
