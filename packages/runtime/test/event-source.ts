import type { BindingEvent, BindingEventHandler, BindingResponse, Bindings, Subscription } from '@outrigger/core';

/** An input binding whose events a test makes itself; it hands over nothing while it is not read. */
export class EventSource implements Bindings {
  readonly operations = [];
  /** What `read` rejects with; `undefined`: nothing. */
  failure: Error | undefined;
  #handler: BindingEventHandler | undefined;
  readonly #handling = new Set<Promise<unknown>>();

  get isRead(): boolean {
    return this.#handler !== undefined;
  }

  /** Settles as the handler does. */
  emit(data = '', more: Partial<BindingEvent> = {}): Promise<BindingResponse> {
    if (this.#handler === undefined) return Promise.reject(new Error('nobody reads'));
    const event = { data: Buffer.from(data), metadata: {}, ...more };
    const handling = this.#handler(event, new AbortController().signal);
    this.#handling.add(handling);
    handling.then(
      () => this.#handling.delete(handling),
      () => this.#handling.delete(handling),
    );
    return handling;
  }

  async read(handler: BindingEventHandler): Promise<Subscription> {
    if (this.failure !== undefined) throw this.failure;
    this.#handler = handler;
    return {
      pause: async () => {},
      resume: async () => {},
      [Symbol.asyncDispose]: async () => {
        this.#handler = undefined;
        await Promise.allSettled(this.#handling);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
