import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { inTime } from './in-time.ts';

/**
 * How many messages the broker may send ahead of their acknowledgement, asked for when the consumer is made; undefined: it is no
 * longer wanted.
 */
type Prefetch = () => number | undefined;

/**
 * A quorum queue takes some 30 answers at a time; those behind them wait in the channel until the first are on disk, and are lost
 * when it is closed before (rabbitmq-server#10327): the messages would come again. So long a channel stays open after its last
 * answer.
 */
const quorumAnswersMs = 300;

/** A channel on which one queue is consumed, from its opening until it is lost. What it has brought only it can answer for. */
export class ConsumingChannel {
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #accept: (raw: ConsumeMessage) => void;
  readonly #lost = Promise.withResolvers<unknown>();
  #lastAnswer = -Infinity;
  #consumers: string[] = [];
  /** Changes of the consumers come one after the other. */
  #changing: Promise<void> = Promise.resolve();

  private constructor(channel: Channel, queue: string, accept: (raw: ConsumeMessage) => void) {
    this.#channel = channel;
    this.#queue = queue;
    this.#accept = accept;
    channel.on('error', (error) => this.#lost.resolve(error));
    channel.on('close', () => this.#lost.resolve(undefined));
  }

  /** Nothing is consumed yet. */
  static async open(
    model: ChannelModel,
    queue: string,
    accept: (raw: ConsumeMessage) => void,
  ): Promise<ConsumingChannel> {
    return new ConsumingChannel(await model.createChannel(), queue, accept);
  }

  /** Resolves with the reason, where there is one, when the channel or its consumer is gone. */
  get lost(): Promise<unknown> {
    return this.#lost.promise;
  }

  /** Consumes, unless it does so already. Rejects when the channel is lost or the broker refuses. */
  consume(prefetch: Prefetch): Promise<void> {
    return this.#change(async () => {
      if (this.#consumers.length === 0) await this.#add(prefetch());
    });
  }

  /**
   * Consumes with another prefetch. With `alwaysOne` the new consumer comes before the old one goes; a quorum queue then gives out
   * messages in another order.
   */
  adapt(prefetch: Prefetch, alwaysOne: boolean): Promise<void> {
    return this.#change(async () => {
      const old = this.#consumers.splice(0);
      if (old.length === 0) return;
      if (!alwaysOne) await this.#cancel(old);
      await this.#add(prefetch());
      if (alwaysOne) await this.#cancel(old);
    });
  }

  /** Resolves when nothing further will come. */
  cancel(): Promise<void> {
    return this.#change(() => this.#cancel(this.#consumers.splice(0)));
  }

  /** Throws when the channel is just being lost; then the broker gives the message out again. */
  answer(raw: ConsumeMessage, answer: 'ack' | 'requeue' | 'reject'): void {
    this.#lastAnswer = performance.now();
    if (answer === 'ack') this.#channel.ack(raw);
    // not basic.reject, which RabbitMQ 4.3 counts as a failed delivery
    else this.#channel.nack(raw, false, answer === 'requeue');
  }

  /** Resolves when the broker has every answer, or does not say so in time. */
  async close({ quorum = false } = {}): Promise<void> {
    const early = quorum ? this.#lastAnswer + quorumAnswersMs - performance.now() : 0;
    if (early > 0) await Promise.race([delay(early), this.lost]);
    await inTime(this.#channel.close());
  }

  #change(work: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(work);
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #add(prefetch: number | undefined): Promise<void> {
    if (prefetch === undefined) return;
    await this.#channel.prefetch(prefetch);
    const { consumerTag } = await this.#channel.consume(this.#queue, (raw) => {
      if (raw) this.#accept(raw);
      else this.#cancelled();
    });
    this.#consumers.push(consumerTag);
  }

  async #cancel(consumers: readonly string[]): Promise<void> {
    for (const tag of consumers) await this.#channel.cancel(tag);
  }

  #cancelled(): void {
    this.#lost.resolve(new Error('the broker has cancelled the consumer, as it does when the queue is deleted'));
    void this.close();
  }
}
