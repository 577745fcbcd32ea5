import { abortable, ComponentError, sleep } from '@outrigger/core';
import type { ChannelModel } from 'amqplib';
import { type Connect, destroy } from './connect.ts';
import { farewellMs } from './in-time.ts';
import type { Outage } from './outage.ts';

export interface BrokerConnectionOptions {
  readonly connect: Connect;
  readonly outage: Outage;
  /** The longest pause between two attempts; the first come sooner. */
  readonly reconnectWaitMs: number;
}

const firstPauseMs = 100;

/** One connection that comes back by itself, for ever, until it is disposed. */
export class BrokerConnection implements AsyncDisposable {
  readonly #options: BrokerConnectionOptions;
  readonly #ended = new AbortController();
  #model: ChannelModel | undefined;
  #blocked: string | undefined;
  #arrival = Promise.withResolvers<ChannelModel>();
  #reconnecting: Promise<void> | undefined;
  /** Called whenever it was lost, is back, or the broker begins or ends to block it. */
  changed: () => void = () => {};

  private constructor(options: BrokerConnectionOptions) {
    this.#options = options;
    this.#arrival.promise.catch(() => {});
  }

  /** The first attempt is the only one: its error is thrown. */
  static async open(options: BrokerConnectionOptions, signal: AbortSignal): Promise<BrokerConnection> {
    const model = await options.connect(signal);
    const connection = new BrokerConnection(options);
    connection.#adopt(model);
    return connection;
  }

  /** Undefined while it is lost. */
  get model(): ChannelModel | undefined {
    return this.#model;
  }

  /** Why the broker takes no messages for now, or undefined. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  /** Waits until it is there. Rejects with the signal's reason, or once it is disposed. */
  async ready(signal: AbortSignal): Promise<ChannelModel> {
    signal.throwIfAborted();
    return this.#model ?? abortable(this.#arrival.promise, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#arrival.reject(new ComponentError('unavailable', 'this broker is closed'));
    await this.#reconnecting;
    this.#options.outage.gone(this);
    const model = this.#model;
    this.#model = undefined;
    if (!model) return;
    // a broker that does not answer is left without a farewell
    const late = setTimeout(() => destroy(model), farewellMs);
    const closed = new Promise<void>((resolve) => model.once('close', () => resolve()));
    await Promise.race([closed, model.close().then(() => closed)]).catch(() => destroy(model));
    clearTimeout(late);
  }

  #adopt(model: ChannelModel): void {
    this.#model = model;
    let reason: unknown;
    model.on('error', (error) => {
      reason = error;
    });
    model.once('close', (error) => this.#lose(model, reason ?? error ?? new Error('the connection was closed')));
    model.on('blocked', (why) => {
      this.#blocked = why;
      this.changed();
    });
    model.on('unblocked', () => {
      this.#blocked = undefined;
      this.changed();
    });
    this.#arrival.resolve(model);
    this.changed();
  }

  #lose(model: ChannelModel, error: unknown): void {
    destroy(model);
    if (this.#model !== model) return;
    this.#model = undefined;
    this.#blocked = undefined;
    if (this.#ended.signal.aborted) return;
    this.#arrival = Promise.withResolvers();
    this.#arrival.promise.catch(() => {});
    this.#options.outage.lost(this, error);
    this.changed();
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { connect, outage, reconnectWaitMs } = this.#options;
    const { signal } = this.#ended;
    for (
      let pause = firstPauseMs;
      !signal.aborted;
      pause = Math.min(pause * 2, Math.max(reconnectWaitMs, firstPauseMs))
    ) {
      try {
        await sleep(pause, signal);
        const model = await connect(signal);
        outage.back(this);
        this.#adopt(model);
        return;
      } catch (error) {
        if (!signal.aborted) outage.stillAway(error);
      }
    }
  }
}
