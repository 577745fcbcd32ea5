import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { idOf, type LaneName, laneNames, type MessageId, numberedMessage, type NumberedMessage } from './message.ts';
import type { Published } from './reckoning.ts';
import { untilStalled } from './waiting.ts';

export interface PublisherOptions {
  /** Of the sidecar that it publishes through. */
  readonly httpPort: number;
  /** The path of an endpoint of the publish API is made of the lane's pub/sub and topic. */
  readonly topicOf: (lane: LaneName) => { readonly pubsub: string; readonly topic: string };
  /** The metadata of a message that carries its key. */
  readonly keyMetadata: string;
  /** How many messages are to be confirmed in the end. */
  readonly total: number;
  readonly signal: AbortSignal;
}

const keys = 8;
const timeoutMs = 30_000;
/** Of the messages of a key: about one in so many is dropped by the app, in the lane that has a dead letter topic. */
const dropEvery = 50;

/**
 * Publishes numbered messages of every lane and key, those of a key one after another, and knows which were confirmed. What
 * was refused is not published again: the number is left out, the next one takes its place. Publishes only as many as were
 * {@link release}d.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #confirmed = new Set<MessageId>();
  readonly #drops = new Set<MessageId>();
  readonly #sequences: Promise<void>[];
  readonly #stuckAt: number;
  /** How many each lane may publish, and how many of them it has begun. */
  readonly #released = { plain: 0, policy: 0, bulk: 0 };
  readonly #taken = { plain: 0, policy: 0, bulk: 0 };
  readonly #confirmedIn = { plain: 0, policy: 0, bulk: 0 };
  /** How many it was or will be let publish, by what was said so far. */
  planned = 0;
  refused = 0;
  /** Why the last one was refused. */
  refusal = '';

  constructor(options: PublisherOptions) {
    this.#options = options;
    // in the part of the run that the fault falls into
    this.#stuckAt = Math.floor((this.#share / keys) * 0.4);
    const ones = (['plain', 'policy'] as const).flatMap((lane) => {
      return Array.from({ length: keys }, (_, key) => this.#single(lane, key));
    });
    this.#sequences = [...ones, this.#bulk('bulk')];
    for (const sequence of this.#sequences) sequence.catch(() => {});
  }

  /** How many are to be confirmed in each lane. */
  get #share(): number {
    return Math.ceil(this.#options.total / laneNames.length);
  }

  get published(): Published {
    return { confirmed: this.#confirmed, drops: this.#drops };
  }

  get confirmed(): number {
    return this.#confirmed.size;
  }

  /** Lets it publish so many more. */
  release(count: number): void {
    this.planned += count;
    this.#release(count);
  }

  #release(count: number): void {
    for (const lane of laneNames) {
      this.#released[lane] = Math.min(this.#share, this.#released[lane] + count / laneNames.length);
    }
  }

  /** Lets it publish so many more, evenly over a time; resolves at its end. */
  async pace(count: number, ms: number): Promise<void> {
    const begin = performance.now();
    const step = 20;
    this.planned += count;
    for (let given = 0; given < count;) {
      const due = Math.min(count, Math.floor((count * (performance.now() - begin + step)) / ms));
      this.#release(due - given);
      given = due;
      await delay(step, undefined, { signal: this.#options.signal });
    }
  }

  /** Lets it publish the rest; resolves once all are confirmed. Rejects when none has been for a while. */
  async finish(patienceMs: number): Promise<void> {
    this.release(this.#options.total * 2);
    const { signal } = this.#options;
    const all = () => this.confirmed >= this.#share * laneNames.length;
    if (!(await untilStalled(all, () => this.confirmed, patienceMs, signal))) {
      throw new Error(`nothing could be published for ${patienceMs / 1000} s: ${this.refusal}`);
    }
    await Promise.all(this.#sequences);
    this.#agent.destroy();
  }

  async #single(lane: LaneName, key: number): Promise<void> {
    const { pubsub, topic } = this.#options.topicOf(lane);
    const path = `/v1.0/publish/${pubsub}/${topic}?metadata.${this.#options.keyMetadata}=key-${key}`;
    let confirmed = 0;
    for (let seq = 0; await this.#take(lane, 1); seq++) {
      const message = this.#message(lane, key, seq, confirmed);
      confirmed += await this.#attempt([message], async () => {
        const { status, body } = await this.#post(path, message);
        if (status !== 204) throw new Error(body);
        return [message];
      });
    }
  }

  /** Each request has one message of each key, so that their order does not hang on the order within a request. */
  async #bulk(lane: LaneName): Promise<void> {
    const { pubsub, topic } = this.#options.topicOf(lane);
    const path = `/v1.0/publish/bulk/${pubsub}/${topic}`;
    let confirmed = 0;
    let count;
    for (let seq = 0; (count = await this.#take(lane, keys)); seq++) {
      const messages = Array.from({ length: count }, (_, key) => this.#message(lane, key, seq, confirmed / keys));
      confirmed += await this.#attempt(messages, async () => {
        const { status, body } = await this.#post(
          path,
          messages.map((event) => ({
            entryId: String(event.key),
            event,
            contentType: 'application/json',
            metadata: { [this.#options.keyMetadata]: `key-${event.key}` },
          })),
        );
        if (status === 204) return messages;
        const { failedEntries = [] } = JSON.parse(body) as { failedEntries?: { entryId: string }[] };
        if (failedEntries.length === 0) throw new Error(body);
        this.refusal = body;
        const failed = new Set(failedEntries.map(({ entryId }) => Number(entryId)));
        return messages.filter((message) => !failed.has(message.key));
      });
    }
  }

  /** `confirmed`: how many of its key are. By that the marks are given, so that an outage leaves no message of a mark out. */
  #message(lane: LaneName, key: number, seq: number, confirmed: number): NumberedMessage {
    const drop = lane === 'policy' && confirmed % dropEvery === 10 + key;
    const stuck = key === 0 && Math.floor(confirmed) === this.#stuckAt;
    return numberedMessage(lane, key, seq, { ...(drop && !stuck ? { drop } : {}), ...(stuck ? { stuck } : {}) });
  }

  /** Waits until it may publish; answers how many, up to `most`, and 0 at the end. */
  async #take(lane: LaneName, most: number): Promise<number> {
    for (;;) {
      this.#options.signal.throwIfAborted();
      const count = Math.min(most, Math.floor(this.#released[lane] + 1e-6) - this.#taken[lane]);
      if (count > 0) {
        this.#taken[lane] += count;
        return count;
      }
      if (this.#confirmedIn[lane] >= this.#share) return 0;
      await delay(5, undefined, { signal: this.#options.signal });
    }
  }

  /** `publish` answers which of the messages were confirmed; answers how many. */
  async #attempt(
    messages: readonly NumberedMessage[],
    publish: () => Promise<readonly NumberedMessage[]>,
  ): Promise<number> {
    for (const message of messages) if (message.drop) this.#drops.add(idOf(message));
    let confirmed: readonly NumberedMessage[] = [];
    try {
      confirmed = await publish();
    } catch (error) {
      this.refusal = String(error);
    }
    for (const message of confirmed) {
      this.#confirmed.add(idOf(message));
      this.#confirmedIn[message.lane] += 1;
    }
    const refused = messages.length - confirmed.length;
    const [first] = messages;
    if (refused === 0 || !first) return confirmed.length;
    this.#taken[first.lane] -= refused;
    this.refused += refused;
    await delay(50, undefined, { signal: this.#options.signal });
    return confirmed.length;
  }

  #post(path: string, body: unknown): Promise<{ status: number; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const sent = request(
      {
        host: '127.0.0.1',
        port: this.#options.httpPort,
        method: 'POST',
        path,
        agent: this.#agent,
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(timeoutMs)]),
      },
      (response) => {
        response.toArray().then((parts) => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts as Buffer[]).toString() });
        }, reject);
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
    return promise;
  }
}
