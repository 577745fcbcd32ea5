import { abortable, errorMessage, type Logger } from '@outrigger/core';

import type { AppChannel } from './app-channel/app-channel.ts';
import { AppHealth } from './app-channel/app-health.ts';
import type { InputBindings } from './blocks/input-bindings.ts';
import type { SubscriptionStreams } from './blocks/subscription-streams.ts';
import type { Subscriptions } from './blocks/subscriptions.ts';
import { quietly } from './quietly.ts';
import type { RuntimeOptions } from './runtime.ts';

export interface AppDeliveryOptions {
  readonly app: AppChannel | undefined;
  readonly appHealth: RuntimeOptions['appHealth'];
  readonly subscriptions: Subscriptions | undefined;
  readonly inputBindings: InputBindings | undefined;
  readonly streams: SubscriptionStreams;
  /** Resolves once no component is being changed, before delivery begins or ends because of the app's health. */
  readonly settled: () => Promise<void>;
  readonly logger: Logger;
}

/** When events go to the app: from its connection to the end for good, and only while it counts as healthy. */
export class AppDelivery {
  readonly #options: AppDeliveryOptions;
  /** The app was asked for what it wants at least once. */
  #isConnected = false;
  #health: AppHealth | undefined;
  /** Set once delivery has ended for good, or is about to. */
  #ending: { readonly cut: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(options: AppDeliveryOptions) {
    this.#options = options;
  }

  /** `false` before the first check, where the app's health is checked. */
  get isAppHealthy(): boolean {
    return this.#health?.healthy ?? this.#options.appHealth === undefined;
  }

  /** Whether what is subscribed to now may deliver. */
  get mayDeliver(): boolean {
    return this.#ending === undefined && (this.#health?.healthy ?? true);
  }

  /** Whether an input binding that comes now is to begin. */
  get isDelivering(): boolean {
    return this.#isConnected && this.mayDeliver;
  }

  /** Begins, where the app's health is checked with the first check that it passes. */
  async begin(signal: AbortSignal): Promise<void> {
    const { app, appHealth, logger, settled } = this.#options;
    if (app === undefined) return;
    if (appHealth === undefined) return this.#begin(app, signal);
    this.#health = new AppHealth({
      ...appHealth,
      channel: app,
      logger,
      onChange: async (healthy, watching) => {
        await settled();
        if (healthy) await this.#begin(app, watching);
        // an app that hangs must not keep the next probe waiting
        else await this.#end(AbortSignal.any([watching, AbortSignal.timeout(appHealth.intervalMs)]));
      },
    });
    await this.#health.firstHealthy(signal);
  }

  /** Asks the app for its configuration first, in Dapr's order. What it answers is for actors, which are not there yet. */
  async #begin(app: AppChannel, signal: AbortSignal): Promise<void> {
    const { subscriptions, inputBindings, logger } = this.#options;
    try {
      await app.configuration?.(signal);
    } catch (error) {
      signal.throwIfAborted();
      logger.warn(`reading the app's configuration failed: ${errorMessage(error)}`);
    }
    this.#isConnected = true;
    if (this.#ending === undefined) await subscriptions?.start(signal);
    if (this.#ending === undefined) await inputBindings?.start(signal);
  }

  async #end(grace: AbortSignal): Promise<void> {
    const { subscriptions, inputBindings } = this.#options;
    await Promise.all([subscriptions?.stop(grace), inputBindings?.stop(grace)]);
  }

  /** See {@link Runtime.endDelivery}. */
  async endForGood(grace: AbortSignal): Promise<void> {
    const { cut, ended } = (this.#ending ??= this.#endAll());
    const onAbort = (): void => cut.abort(grace.reason);
    if (grace.aborted) onAbort();
    else grace.addEventListener('abort', onAbort, { once: true });
    await ended;
    grace.removeEventListener('abort', onAbort);
  }

  #endAll(): { readonly cut: AbortController; readonly ended: Promise<void> } {
    const { streams, logger } = this.#options;
    const cut = new AbortController();
    const ended = Promise.all([
      quietly(logger, 'ending the delivery to the app', () => this.#end(cut.signal)),
      quietly(logger, 'ending the streaming subscriptions', () => streams.stop(cut.signal)),
    ]);
    return { cut, ended: ended.then(() => {}) };
  }

  /** See {@link Runtime.appUnhealthy}. */
  async unhealthy(signal: AbortSignal): Promise<void> {
    const { app, appHealth } = this.#options;
    if (app === undefined || appHealth === undefined) await abortable(new Promise<never>(() => {}), signal);
    else await this.#health?.unhealthy(signal);
  }

  /** The app's health is not checked any more, so that nothing begins anew. */
  async stopChecking(): Promise<void> {
    await this.#health?.[Symbol.asyncDispose]();
  }
}
