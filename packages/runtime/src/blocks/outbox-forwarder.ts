import {
  abortable,
  ComponentError,
  DropMessage,
  errorMessage,
  type Logger,
  type Message,
  sleep,
  type Subscription,
} from '@outrigger/core';

import { textOf } from './cloud-event-envelope.ts';
import type { Outbox } from './outbox.ts';
import type { Broker } from './pubsub-broker.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { Leave } from './subscription-leave.ts';

export interface ForwarderTiming {
  /** Milliseconds between looks for a marker. */
  readonly looks: readonly number[];
  /** How long an event is given back to the broker, again and again, before its transaction is closed. */
  readonly patience: number;
  /** How long a transaction waits for a forwarder that is not listening yet. */
  readonly start: number;
}

/** As long as in Dapr in all, with the first look at once: most transactions are done by then. */
const usualTiming: ForwarderTiming = { looks: [100, 300, 900, 2700, 3000, 3000], patience: 60_000, start: 5000 };
const removalPauses = [500, 1500, 3000];
/** Events that are remembered for being missed or for having been sent. */
const mostRemembered = 10_000;

export interface ForwarderOptions {
  /** Those that share an internal topic of one pub/sub component; at least one. */
  readonly outboxes: readonly Outbox[];
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly logger: Logger;
  readonly timing?: ForwarderTiming;
}

/** Takes the events of an internal topic to where they are for, once their transaction is done. */
export class OutboxForwarder {
  readonly pubsub: string;
  readonly #topic: string;
  readonly #options: ForwarderOptions;
  #outboxes: readonly Outbox[] = [];
  readonly #timing: ForwarderTiming;
  readonly #logger: Logger;
  readonly #firstMissed = new Map<string, number>();
  /** Sent, with the marker still to be removed. */
  readonly #sent = new Map<string, Outbox>();
  #listening = Promise.withResolvers<void>();
  #isListening = false;
  /** Why it does not listen. */
  #problem = 'it is not started yet';
  /** It never will, as it is. */
  #isHopeless = false;
  #leave = new Leave();
  #subscription: Subscription | undefined;
  #stopped = new AbortController();
  /** Why events go back to the broker; said once, however many there are. */
  #trouble = '';

  constructor(options: ForwarderOptions) {
    const [first] = options.outboxes;
    this.pubsub = first?.settings.outboxPubsub ?? '';
    this.#topic = first?.internalTopic ?? '';
    this.#options = options;
    this.#timing = options.timing ?? usualTiming;
    this.#logger = options.logger;
    this.use(options.outboxes);
  }

  /** From now on events may be of these, with the same internal topic. */
  use(outboxes: readonly Outbox[]): void {
    this.#outboxes = outboxes;
    for (const outbox of outboxes) outbox.listening = (signal) => this.#ready(signal);
  }

  /** Resolves once it listens, or is known not to be able to, which is logged; while its broker is away it tries again. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#isListening) return;
    const stopped = this.#stopped.signal;
    try {
      await this.#subscribe(signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#problem = errorMessage(error);
      const willTryAgain = ComponentError.is(error) && error.retryable;
      this.#isHopeless = !willTryAgain;
      this.#logger.error(`${this.#name} cannot listen${willTryAgain ? ' yet' : ''}: ${this.#problem}`);
      if (willTryAgain) void this.#startWhenPossible(stopped);
    }
  }

  /** Events under way may end until `grace` aborts, but none waits for its transaction any more; they go back to the broker. */
  async stop(grace: AbortSignal): Promise<void> {
    this.#stopped.abort(new Error('the outbox is ending; its event goes back to the broker'));
    this.#stopped = new AbortController();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (this.#isListening) this.#listening = Promise.withResolvers();
    this.#isListening = false;
    this.#problem = 'it is not started again yet';
    this.#isHopeless = false;
    const leave = this.#leave;
    this.#leave = new Leave();
    const cut = (): void => leave.cut();
    if (grace.aborted) cut();
    else grace.addEventListener('abort', cut, { once: true });
    await subscription?.[Symbol.asyncDispose]();
    grace.removeEventListener('abort', cut);
  }

  get #name(): string {
    const stores = [...new Set(this.#outboxes.map(({ store }) => store))].join(', ');
    return `the outbox of state component ${stores} (topic ${this.#topic} on pubsub ${this.pubsub})`;
  }

  async #ready(signal: AbortSignal): Promise<void> {
    if (this.#isListening) return;
    const limit = AbortSignal.timeout(this.#isHopeless ? 0 : this.#timing.start);
    try {
      await abortable(this.#listening.promise, AbortSignal.any([signal, limit]));
    } catch (error) {
      signal.throwIfAborted();
      throw new ComponentError('unavailable', `${this.#name} does not listen: ${this.#problem}`, { cause: error });
    }
  }

  async #subscribe(signal: AbortSignal): Promise<void> {
    const { brokers } = this.#options;
    const broker = brokers.get(this.pubsub);
    if (broker === undefined) throw new Error(`pub/sub component "${this.pubsub}" is not loaded`);
    if (broker.scopes.subscribe?.(this.#topic) === false) {
      throw new Error(
        `topic ${this.#topic} is not allowed for app id ${broker.appId}; see allowedTopics, protectedTopics and subscriptionScopes of component "${this.pubsub}"`,
      );
    }
    const stopped = this.#stopped.signal;
    const leave = this.#leave;
    const subscription = await broker.component.subscribe(
      { topic: broker.wireTopic(this.#topic), metadata: noMetadata },
      (message, own) => this.#handle(message, leave.signalWith(own), stopped),
      signal,
    );
    if (stopped.aborted) return subscription[Symbol.asyncDispose]();
    this.#subscription = subscription;
    this.#isListening = true;
    this.#listening.resolve();
  }

  async #startWhenPossible(stopped: AbortSignal): Promise<void> {
    for (let wait = 500; !stopped.aborted; wait = Math.min(wait * 2, 15_000)) {
      try {
        await sleep(wait, stopped);
        await this.#subscribe(stopped);
        if (!stopped.aborted) this.#logger.info(`${this.#name} listens now`);
        return;
      } catch (error) {
        if (!stopped.aborted) this.#problem = errorMessage(error);
      }
    }
  }

  /** As {@link #forward}; a trouble that lasts is logged when it begins and when it is over. */
  async #handle(message: Message, signal: AbortSignal, stopped: AbortSignal): Promise<void> {
    try {
      await this.#forward(message, signal, stopped);
    } catch (error) {
      const isExpected = error instanceof DropMessage || error instanceof MissingTransaction;
      if (isExpected || signal.aborted || stopped.aborted) throw error;
      const trouble = errorMessage(error);
      if (trouble !== this.#trouble) this.#logger.warn(`${this.#name} sends no events, which wait: ${trouble}`);
      this.#trouble = trouble;
      throw error;
    }
    if (this.#trouble !== '') this.#logger.info(`${this.#name} sends events again`);
    this.#trouble = '';
  }

  /** Rejects when the event is to come again. `stopped` ends waiting, `signal` everything. */
  async #forward(message: Message, signal: AbortSignal, stopped: AbortSignal): Promise<void> {
    const id = idOf(message.data);
    if (id === undefined) {
      this.#logger.error(`${this.#name} drops a message that is no event of an outbox`);
      throw new DropMessage('not an event of an outbox');
    }
    let outbox = this.#sent.get(id);
    if (outbox === undefined) {
      outbox = await this.#whereDone(id, AbortSignal.any([signal, stopped]));
      if (outbox === undefined) {
        this.#settle(id);
        return;
      }
      await outbox.publish(message.data, signal);
      remember(this.#sent, id, outbox);
    }
    await this.#remove(outbox, id, signal);
    this.#settle(id);
  }

  #settle(id: string): void {
    this.#sent.delete(id);
    this.#firstMissed.delete(id);
    for (const outbox of this.#outboxes) outbox.eventIsSettled(id);
  }

  /** The outbox whose store has the marker; `undefined` when the transaction was not done and never will be. */
  async #whereDone(id: string, signal: AbortSignal): Promise<Outbox | undefined> {
    const outboxes = this.#outboxes;
    for (const outbox of outboxes) if (await outbox.isUndone(id, signal)) return undefined;
    for (const pause of this.#timing.looks) {
      const found = await this.#look(id, 'look', signal);
      if (found !== 'missing') return found;
      await sleep(pause * (0.9 + Math.random() * 0.2), signal);
    }
    const found = await this.#look(id, 'look', signal);
    if (found !== 'missing') return found;
    const discards = outboxes.every(({ settings }) => settings.discardWhenMissingState);
    const since = this.#firstMissed.get(id) ?? Date.now();
    const canClose = outboxes.every(({ markers }) => markers.canClose);
    if (discards || (canClose && Date.now() - since >= this.#timing.patience)) {
      const closed = canClose ? await this.#look(id, 'close', signal) : undefined;
      if (closed !== undefined && closed !== 'missing') return closed;
      this.#logger.warn(`${this.#name} drops event ${id}: its transaction was not done`);
      return undefined;
    }
    remember(this.#firstMissed, id, since);
    const missing = `${this.#name} cannot send event ${id} yet: there is no trace of its transaction`;
    this.#logger.debug(missing);
    throw new MissingTransaction(missing);
  }

  /** Rejects when a store cannot be asked: then nothing is known. */
  async #look(id: string, how: 'look' | 'close', signal: AbortSignal): Promise<Outbox | 'missing' | undefined> {
    const outboxes = this.#outboxes;
    const states = await Promise.all(outboxes.map(({ markers }) => markers[how](id, signal)));
    const done = outboxes[states.indexOf('committed')];
    if (done !== undefined) return done;
    return states.every((state) => state === 'closed') ? undefined : 'missing';
  }

  async #remove(outbox: Outbox, id: string, signal: AbortSignal): Promise<void> {
    for (const pause of [...removalPauses, undefined]) {
      try {
        await outbox.markers.remove(id, signal);
        return;
      } catch (error) {
        if (pause === undefined || signal.aborted) throw error;
        await sleep(pause, signal);
      }
    }
  }
}

class MissingTransaction extends Error {
  override readonly name = 'MissingTransaction';
}

function remember<V>(map: Map<string, V>, id: string, value: V): void {
  map.set(id, value);
  const [oldest] = map.size > mostRemembered ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}

function idOf(data: Uint8Array): string | undefined {
  try {
    const { id } = JSON.parse(textOf(data)) as { readonly id?: unknown };
    return typeof id === 'string' && id.startsWith('outbox-') ? id : undefined;
  } catch {
    return undefined;
  }
}
