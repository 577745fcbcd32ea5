import {
  type Bindings,
  ComponentError,
  errorMessage,
  type Logger,
  type Policy,
  policy,
  type Retry,
  retry,
  sleep,
  type Subscription,
} from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { Tracer } from '../tracing.ts';
import type { AppChannel, InputBinding } from '../app-channel/app-channel.ts';
import type { ComponentTarget } from '../resilience/policies.ts';
import { propertyOf } from '../components/component-instance.ts';
import { directionOf } from './binding-direction.ts';
import type { OutputBindings } from './bindings.ts';
import { deliverEvent } from './input-binding.ts';
import type { BindingComponent } from './output-bindings.ts';
import { Leave } from './subscription-leave.ts';

export interface InputBindingsOptions {
  readonly channel: AppChannel;
  readonly components: readonly (BindingComponent & ComponentTarget)[];
  /** Take what the app wants to send on. */
  readonly outputs: OutputBindings;
  /** The inbound policy of a component, asked with each event; `undefined`: it is handed over once. */
  readonly inbound?: (component: string) => Policy | undefined;
  /** Around asking the app, which may still be starting. Default: 3 retries within some seconds. */
  readonly initializationRetry?: () => Retry;
  readonly logger: Logger;
  /** Counts the events of a component. Absent, or `undefined`: nobody does. */
  readonly meter?: (component: string) => ComponentMeter | undefined;
  /** Records the handling of events as spans. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
}

interface Source extends InputBinding {
  readonly read: NonNullable<Bindings['read']>;
  readonly inbound: () => Policy | undefined;
  readonly isCertain: boolean;
}

interface Running {
  readonly name: string;
  readonly leave: Leave;
  readonly subscription: Subscription;
}

const whileAppStarts = retry({ policy: 'exponential', maxInterval: 1000, maxRetries: 3, maxElapsed: 10_000 });

/** The input half of the bindings building block: events of those components that the app wants to hear of. */
export class InputBindings implements AsyncDisposable {
  readonly #options: InputBindingsOptions;
  #sources: readonly Source[];
  #running: Running[] = [];
  /** Aborts with the next stop, so that a start which that overtakes leaves nothing running. */
  #stopped = new AbortController();

  constructor(options: InputBindingsOptions) {
    this.#options = options;
    this.#sources = options.components.flatMap((component) => this.#sourceOf(component));
  }

  #sourceOf({ name, instance, properties }: BindingComponent): readonly Source[] {
    const { inbound } = this.#options;
    const { input, inputIsCertain } = directionOf(properties);
    if (instance.read === undefined || !input) return [];
    const path = `/${(propertyOf(properties, 'route') ?? name).replace(/^\/+/, '')}`;
    const read = instance.read.bind(instance);
    return [{ name, path, read, inbound: () => inbound?.(name), isCertain: inputIsCertain }];
  }

  /**
   * Ends reading from the component of this name as {@link stop} does; `by` takes its place, if given, and is read from the next
   * {@link start} on.
   */
  async replace(name: string, by: BindingComponent | undefined, grace: AbortSignal): Promise<void> {
    this.#sources = [...this.#sources.filter((one) => one.name !== name), ...(by ? this.#sourceOf(by) : [])];
    const ending = this.#running.filter((one) => one.name === name);
    this.#running = this.#running.filter((one) => one.name !== name);
    await Promise.all(ending.map((one) => close(one, grace)));
  }

  /**
   * Asks the app which bindings it wants and begins to read those that are not being read yet. What the app could not be asked
   * for, and a binding that cannot be read, is logged and left out; only an abort rejects. While a source cannot be reached, it
   * is tried again in the background until it flows or all are stopped.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const stopped = this.#stopped.signal;
    const idle = this.#sources.filter(({ name }) => !this.#running.some((one) => one.name === name));
    const wanted = await this.#wanted(idle, signal);
    await Promise.all(
      wanted.map(async (source) => {
        try {
          await this.#startOne(source, stopped, signal);
        } catch (error) {
          signal.throwIfAborted();
          const isTransient = ComponentError.is(error) && error.retryable;
          logger.error(`cannot read from binding ${source.name}${isTransient ? ' yet' : ''}: ${errorMessage(error)}`);
          if (isTransient) void this.#startWhenPossible(source, stopped);
        }
      }),
    );
    if (this.#running.length > 0) {
      logger.info(`reading from the following bindings: ${this.#running.map(({ name }) => name).join(', ')}`);
    }
  }

  /**
   * Takes no further events and waits for those being handled; when `grace` aborts, these are cut off and given back. All can be
   * started anew after that.
   */
  async stop(grace: AbortSignal): Promise<void> {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    const running = this.#running;
    this.#running = [];
    const results = await Promise.allSettled(running.map((one) => close(one, grace)));
    for (const result of results) {
      if (result.status === 'rejected') {
        this.#options.logger.error(`ending an input binding failed: ${errorMessage(result.reason)}`);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(AbortSignal.timeout(30_000));
  }

  async #wanted(sources: readonly Source[], signal: AbortSignal): Promise<readonly Source[]> {
    const { channel, initializationRetry, logger } = this.#options;
    const asked = sources.filter(({ isCertain }) => !isCertain).map(({ name, path }) => ({ name, path }));
    let names: ReadonlySet<string> = new Set();
    try {
      if (asked.length > 0 && channel.inputBindings !== undefined) {
        const ask = channel.inputBindings.bind(channel);
        const whileStarting = policy([initializationRetry?.() ?? whileAppStarts]);
        names = await whileStarting.execute((attempt) => ask(asked, attempt), signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      logger.error(`asking the app for the bindings it wants failed: ${errorMessage(error)}`);
      return sources.filter(({ isCertain }) => isCertain);
    }
    for (const { name } of asked) {
      if (!names.has(name)) logger.info(`app has not subscribed to binding ${name}`);
    }
    return sources.filter(({ name, isCertain }) => isCertain || names.has(name));
  }

  async #startWhenPossible(source: Source, stopped: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    for (let wait = 500; !stopped.aborted && this.#sources.includes(source); wait = Math.min(wait * 2, 15_000)) {
      try {
        await sleep(wait, stopped);
        await this.#startOne(source, stopped, stopped);
        logger.info(`now reading from binding ${source.name}`);
        return;
      } catch (error) {
        if (!stopped.aborted) logger.debug(`still not reading from binding ${source.name}: ${errorMessage(error)}`);
      }
    }
  }

  /** Starts one binding and counts it as running, unless a stop or another component has overtaken it. */
  async #startOne(source: Source, stopped: AbortSignal, signal: AbortSignal): Promise<void> {
    const { name, path, read, inbound } = source;
    const { channel, outputs, logger, meter, tracer } = this.#options;
    if (channel.deliverBinding === undefined) throw new Error('the app has no way to take its events');
    const leave = new Leave();
    const deliver = channel.deliverBinding.bind(channel);
    const telemetry = { meter: meter?.(name), tracer, isGrpc: channel.isGrpc };
    const context = { binding: { name, path }, deliver, outputs, inbound, leave, logger, ...telemetry };
    const running = { name, leave, subscription: await read(deliverEvent.bind(undefined, context), signal) };
    if (!stopped.aborted && this.#sources.includes(source)) this.#running.push(running);
    else await close(running, AbortSignal.abort());
  }
}

async function close({ leave, subscription }: Running, grace: AbortSignal): Promise<void> {
  const cut = (): void => leave.cut();
  leave.begin();
  if (grace.aborted) cut();
  else grace.addEventListener('abort', cut, { once: true });
  try {
    await subscription[Symbol.asyncDispose]();
  } finally {
    grace.removeEventListener('abort', cut);
  }
}
