import { type DaprClient, StateConcurrencyEnum, StateConsistencyEnum } from '@dapr/dapr';

export interface Order {
  readonly item: string;
  readonly quantity: number;
  readonly note?: string;
}

const firstWrite = {
  concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE,
  consistency: StateConsistencyEnum.CONSISTENCY_STRONG,
};

/** The app: a book of orders, written with the official SDK. It knows the name of a store in YAML and nothing of what is behind it. */
export class Orders {
  readonly #client: DaprClient;
  readonly #store: string;

  constructor(client: DaprClient, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** Answers false when there is an order of that id already. */
  place(id: string, order: Order): Promise<boolean> {
    return this.#save({ key: id, value: order, options: firstWrite });
  }

  /** Changes the order that is there, however many others do so at the same time. */
  async amend(id: string, change: (order: Order) => Order): Promise<void> {
    for (;;) {
      const { order, etag } = await this.read(id);
      if (order === undefined) throw new Error(`there is no order ${id}`);
      if (await this.#save({ key: id, value: change(order), etag, options: firstWrite })) return;
    }
  }

  async read(id: string): Promise<{ order: Order | undefined; etag: string }> {
    const [found] = await this.#client.state.getBulk(this.#store, [id]);
    return { order: (found?.data || undefined) as Order | undefined, etag: found?.etag ?? '' };
  }

  async list(ids: readonly string[]): Promise<Map<string, Order | undefined>> {
    const found = await this.#client.state.getBulk(this.#store, [...ids]);
    return new Map(found.map(({ key, data }) => [key, (data || undefined) as Order | undefined]));
  }

  /** Many at once. */
  async write(orders: Readonly<Record<string, unknown>>): Promise<void> {
    const items = Object.entries(orders).map(([key, value]) => ({ key, value: value as object }));
    const { error } = await this.#client.state.save(this.#store, items);
    if (error) throw error;
  }

  /** Any JSON value. */
  get(id: string): Promise<unknown> {
    return this.#client.state.get(this.#store, id);
  }

  /** Held for so many seconds, then free again. */
  async reserve(id: string, order: Order, seconds: number): Promise<void> {
    const metadata = { ttlInSeconds: String(seconds) };
    const { error } = await this.#client.state.save(this.#store, [{ key: id, value: order, metadata }]);
    if (error) throw error;
  }

  /** Moves an order to another id, at once, if nobody has changed it since it had `etag`. */
  async ship(id: string, shippedId: string, order: Order, etag: string): Promise<void> {
    await this.#client.state.transaction(this.#store, [
      { operation: 'upsert', request: { key: shippedId, value: JSON.stringify(order) } },
      // a text on both ways, whatever the SDK's type says
      { operation: 'delete', request: { key: id, etag: etag as never } },
    ]);
  }

  /** Answers false when it was changed since it had `etag`. */
  cancel(id: string, etag?: string): Promise<boolean> {
    return accepted(this.#client.state.delete(this.#store, id, etag === undefined ? {} : { etag }));
  }

  #save(item: Parameters<DaprClient['state']['save']>[1][number]): Promise<boolean> {
    return accepted(this.#client.state.save(this.#store, [item]));
  }
}

/** A conflict is an answer; anything else is an error. The SDK hands an error back over HTTP and throws it over gRPC. */
async function accepted(done: Promise<{ error?: Error }>): Promise<boolean> {
  const error = await done.then(
    (answer) => answer.error,
    (thrown: Error) => thrown,
  );
  if (error === undefined) return true;
  if (/409|ABORTED/i.test(error.message)) return false;
  throw error;
}
