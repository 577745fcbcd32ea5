import { errorMessage } from '@outrigger/core';

import { AccessControl } from './access-control/access-control.ts';
import type { AppChannel, TopicEvent, TopicEventStatus } from './app-channel/app-channel.ts';
import { AppHealth } from './app-channel/app-health.ts';
import { unlessAborted } from './app-channel/unless-aborted.ts';
import {
  bindingsBlock,
  configurationBlock,
  loadedComponents,
  lockBlock,
  outboxes,
  type RuntimeParts,
  secretsBlock,
  stateBlock,
  subscriptionsBlock,
} from './building-blocks.ts';
import type { ConfigurationBlock, ConfigurationHandle } from './blocks/configuration.ts';
import type { InputBindings } from './blocks/input-bindings.ts';
import { createInvocation, type OwnInvocation } from './blocks/invocation-block.ts';
import { InvocationMeter } from './blocks/invocation-meter.ts';
import type { Invocation } from './blocks/invocation.ts';
import type { LockBlock, LockHandle } from './blocks/lock.ts';
import type { Outboxes } from './blocks/outboxes.ts';
import { compileBrokers } from './blocks/pubsub-brokers.ts';
import { OwnConsumers } from './blocks/pubsub-own-consumers.ts';
import { Publisher } from './blocks/pubsub-publisher.ts';
import type { OutputBindingsBlock } from './blocks/output-bindings.ts';
import { PubSubReloads, type PubSubUser } from './blocks/pubsub-reloads.ts';
import type { PubSubTopics } from './blocks/pubsub.ts';
import type { SecretsBlock, SecretsHandle } from './blocks/secrets.ts';
import type { StateBlock, StateHandle } from './blocks/state.ts';
import { SubscriptionStreams } from './blocks/subscription-streams.ts';
import { type ActiveSubscription, declaredSubscriptions, type Subscriptions } from './blocks/subscriptions.ts';
import { type ComponentInstance, propertyOf } from './components/component-instance.ts';
import type { Components } from './components/components.ts';
import { problemOf } from './components/start-components.ts';
import { type Metrics, noMetrics } from './metrics.ts';
import { NeedsRestartError } from './reload/needs-restart-error.ts';
import { ResourceReloads } from './reload/resource-reloads.ts';
import type { ComponentResource } from './resources/component-resource.ts';
import type { Configuration } from './resources/configuration.ts';
import type { LoadedComponent, ReloadOptions, RunningSubscription, Runtime, StreamingSubscription } from './runtime.ts';

const never = new AbortController().signal;
const outboxGraceMs = 5000;
const reloadGraceMs = 30_000;

/** The building blocks over running components, and the order in which they begin and end. */
export class RunningRuntime implements Runtime {
  readonly appId: string;
  readonly namespace: string;
  readonly configuration: Configuration;
  readonly pubsub: PubSubTopics;
  readonly bindings: OutputBindingsBlock;
  readonly invocation: Invocation;
  readonly #parts: RuntimeParts;
  #resiliencies: readonly string[];
  #state: StateBlock;
  readonly #outboxes: Outboxes;
  #secrets: SecretsBlock;
  readonly #configurations: ConfigurationBlock;
  #locks: LockBlock;
  readonly #ownInvocation: OwnInvocation;
  readonly #subscriptions: Subscriptions | undefined;
  readonly #streams: SubscriptionStreams;
  readonly #inputBindings: InputBindings | undefined;
  /** The app was asked for what it wants at least once. */
  #isConnected = false;
  #health: AppHealth | undefined;
  #registration: AsyncDisposable | undefined;
  readonly #leaving = new AbortController();
  readonly #reloads: PubSubReloads;
  readonly #resourceReloads: ResourceReloads;
  readonly #closings = new Set<Promise<void>>();
  /** Set once delivery has ended for good, or is about to. */
  #ending: { readonly cut: AbortController; readonly ended: Promise<void> } | undefined;
  /** Aborts when the runtime has no time left for what is in flight. */
  readonly #cut = new AbortController();
  #disposed: Promise<void> | undefined;

  /** Throws a ResourceError for a component that its building block cannot use. */
  constructor(parts: RuntimeParts) {
    const { options, namespace, configuration, resources, policies, components, logger } = parts;
    const { appId, app } = options;
    this.#parts = parts;
    this.appId = appId;
    this.namespace = namespace;
    this.configuration = configuration;
    this.#secrets = secretsBlock(parts);
    this.#configurations = configurationBlock(parts);
    this.#locks = lockBlock(parts);
    const context = { appId, namespace, policies, metrics: options.metrics, tracer: options.tracer?.() };
    const brokers = compileBrokers(components, context);
    this.#reloads = new PubSubReloads({
      brokers,
      components,
      context,
      users: this.#pubsubUsers(),
      startComponent: parts.startComponent,
      logger,
    });
    this.#resourceReloads = new ResourceReloads({
      initial: resources,
      isRunning: isRunningIn(components),
      load: parts.loadResources,
      target: {
        put: (resource, was, signal) => this.#put(resource, was, signal),
        remove: (resource) => this.#remove(resource),
        subscriptions: (current, signal) =>
          this.#subscriptions?.redeclare(
            { declarative: current.subscriptions, components: current.components },
            this.#reloadGrace(),
            signal,
          ) ?? Promise.resolve(),
        resiliencies: (signal) => this.reloadResiliencies(signal),
        httpEndpoints: async (resources, signal) =>
          this.#ownInvocation.replaceHttpEndpoints(await parts.resolveHttpEndpoints(resources, signal)),
      },
      logger,
    });
    const outboxesOfStores = outboxes(parts, brokers);
    this.#outboxes = outboxesOfStores;
    this.#state = stateBlock(parts, { of: (store) => outboxesOfStores.of(store) });
    this.pubsub = new Publisher(brokers, logger, (text) => parts.secretTexts.hide(text));
    const consumers = new OwnConsumers({ components, context, startComponent: parts.startComponent });
    this.#streams = new SubscriptionStreams(brokers, logger, consumers);
    this.#subscriptions = subscriptionsBlock(parts, brokers);
    const { outputs, inputs } = bindingsBlock(parts);
    this.bindings = outputs;
    this.#inputBindings = inputs;
    const invocation = createInvocation({
      appId,
      namespace,
      app,
      policies,
      accessControl: accessControlOf(configuration, options.metrics),
      meter: invocationMeterOf(options.metrics),
      logger,
      resolver: parts.resolver,
      peers: options.peers,
      httpEndpoints: parts.httpEndpoints,
      hostAddress: options.self?.host,
      ...(options.appHealth && { isAppHealthy: () => this.#health?.healthy ?? false }),
    });
    this.invocation = invocation;
    this.#ownInvocation = invocation;
    this.#resiliencies = resources.resiliencies.map(({ name }) => name);
  }

  /** What has to run before anybody may use the building blocks. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#outboxes.start(signal);
  }

  get components(): readonly LoadedComponent[] {
    return loadedComponents(this.#resourceReloads.current, this.#parts.components);
  }

  get subscriptions(): readonly ActiveSubscription[] {
    const { subscriptions } = this.#resourceReloads.current;
    const known = this.#subscriptions?.known ?? declaredSubscriptions(subscriptions.map(({ spec }) => spec));
    return [...known, ...this.#streams.active];
  }

  get resiliencies(): readonly string[] {
    return this.#resiliencies;
  }

  get httpEndpoints(): readonly string[] {
    return this.#resourceReloads.current.httpEndpoints.map(({ name }) => name);
  }

  async reloadResiliencies(signal: AbortSignal = never): Promise<void> {
    this.#resiliencies = await this.#parts.reloadResiliencies(signal);
  }

  async reloadResources(signal: AbortSignal = never): Promise<void> {
    await this.#resourceReloads.reload(AbortSignal.any([signal, this.#leaving.signal]));
  }

  #reloadGrace(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(reloadGraceMs), this.#cut.signal]);
  }

  async #put(resource: ComponentResource, was: ComponentResource | undefined, signal: AbortSignal): Promise<void> {
    const { components } = this.#parts;
    const old = components.all.find(({ name }) => name === was?.name);
    if (old?.kind === 'pubsub' && resource.type.startsWith('pubsub.')) {
      return this.#reloads.reload(resource.name, resource, this.#reloadGrace(), signal);
    }
    if (old !== undefined) refuseFixed(old, 'changed');
    const made = await this.#parts.startComponent(resource, signal);
    try {
      signal.throwIfAborted();
      refuseFixed(made, 'changed');
      if (old !== undefined && old.kind !== made.kind) {
        throw needsRestart(resource, `was ${old.type} and is ${resource.type}`);
      }
      if (made.kind !== 'pubsub') {
        components.add(made);
        await this.#follow(made, signal);
      }
    } catch (error) {
      if (old === undefined) components.delete(made.name);
      else components.add(old);
      await made.instance[Symbol.asyncDispose]();
      throw error;
    }
    // from here on it is among the components, with which it ends
    if (made.kind === 'pubsub') await this.#reloads.add(made as ComponentInstance<'pubsub'>, signal);
    if (old !== undefined) this.#close(old);
  }

  /** Rejects with the component still at work. */
  async #remove({ name, type }: ComponentResource): Promise<void> {
    const { components } = this.#parts;
    const old = components.all.find((one) => one.name === name && one.type === type);
    if (old === undefined) return;
    if (old.kind === 'pubsub') return this.#reloads.remove(name, this.#reloadGrace());
    refuseFixed(old, 'removed');
    components.delete(name);
    if (old.kind === 'bindings') {
      this.bindings.delete(name);
      await this.#quietly(`ending the delivery from binding ${name}`, () =>
        this.#inputBindings?.replace(name, undefined, this.#reloadGrace()),
      );
    } else {
      try {
        await this.#follow(old, never);
      } catch (error) {
        components.add(old);
        throw error;
      }
    }
    this.#close(old);
  }

  /** Makes the building block use the components that are there now. */
  async #follow(one: ComponentInstance, signal: AbortSignal): Promise<void> {
    const parts = this.#parts;
    if (one.kind === 'state') this.#state = stateBlock(parts, { of: (store) => this.#outboxes.of(store) });
    if (one.kind === 'secrets') this.#secrets = secretsBlock(parts);
    if (one.kind === 'lock') this.#locks = lockBlock(parts);
    if (one.kind !== 'bindings') return;
    const binding = one as ComponentInstance<'bindings'>;
    this.bindings.set(binding);
    await this.#inputBindings?.replace(one.name, binding, this.#reloadGrace());
    if (this.#isConnected && this.#ending === undefined && (this.#health?.healthy ?? true)) {
      await this.#inputBindings?.start(signal);
    }
  }

  /** In the background: what is under way on it may end. */
  #close({ name, instance, idle }: ComponentInstance): void {
    const closing = this.#quietly(`closing the old component ${name}`, async () => {
      if (idle !== undefined) await unlessAborted(idle(), this.#reloadGrace()).catch(() => {}); // closing ends what hangs
      await instance[Symbol.asyncDispose]();
    });
    this.#closings.add(closing);
    void closing.then(() => this.#closings.delete(closing));
  }

  state(storeName: string): StateHandle {
    return this.#state.store(storeName);
  }

  secrets(storeName: string): SecretsHandle {
    return this.#secrets.store(storeName);
  }

  configurationStore(storeName: string): ConfigurationHandle {
    return this.#configurations.store(storeName);
  }

  lock(storeName: string): LockHandle {
    return this.#locks.store(storeName);
  }

  subscribe(
    subscription: StreamingSubscription,
    deliver: (event: TopicEvent, signal: AbortSignal) => Promise<TopicEventStatus>,
    signal: AbortSignal = never,
  ): Promise<RunningSubscription> {
    return this.#streams.subscribe(subscription, deliver, signal);
  }

  async connectApp(signal: AbortSignal = never): Promise<void> {
    await this.#connectApp(AbortSignal.any([signal, this.#leaving.signal]));
  }

  async #connectApp(signal: AbortSignal): Promise<void> {
    const { app, appHealth, self } = this.#parts.options;
    await app?.ready(signal);
    if (self !== undefined) await this.#register(self, signal);
    if (app === undefined) return;
    if (appHealth === undefined) return this.#beginDelivery(app, signal);
    this.#health = new AppHealth({
      ...appHealth,
      channel: app,
      logger: this.#parts.logger,
      onChange: async (healthy, watching) => {
        await this.#reloads.settled();
        if (healthy) await this.#beginDelivery(app, watching);
        // an app that hangs must not keep the next probe waiting
        else await this.#endDelivery(AbortSignal.any([watching, AbortSignal.timeout(appHealth.intervalMs)]));
      },
    });
    await this.#health.firstHealthy(signal);
  }

  /** Asks the app for its configuration first, in Dapr's order. What it answers is for actors, which are not there yet. */
  async #beginDelivery(app: AppChannel, signal: AbortSignal): Promise<void> {
    try {
      await app.configuration?.(signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#parts.logger.warn(`reading the app's configuration failed: ${errorMessage(error)}`);
    }
    this.#isConnected = true;
    if (this.#ending === undefined) await this.#subscriptions?.start(signal);
    if (this.#ending === undefined) await this.#inputBindings?.start(signal);
  }

  async #endDelivery(grace: AbortSignal): Promise<void> {
    await Promise.all([this.#subscriptions?.stop(grace), this.#inputBindings?.stop(grace)]);
  }

  async endDelivery(grace: AbortSignal): Promise<void> {
    const { cut, ended } = (this.#ending ??= this.#endForGood());
    const onAbort = (): void => cut.abort(grace.reason);
    if (grace.aborted) onAbort();
    else grace.addEventListener('abort', onAbort, { once: true });
    await ended;
    grace.removeEventListener('abort', onAbort);
  }

  #endForGood(): { readonly cut: AbortController; readonly ended: Promise<void> } {
    const cut = new AbortController();
    const ended = Promise.all([
      this.#quietly('ending the delivery to the app', () => this.#endDelivery(cut.signal)),
      this.#quietly('ending the streaming subscriptions', () => this.#streams.stop(cut.signal)),
    ]);
    return { cut, ended: ended.then(() => {}) };
  }

  async reloadPubSub(
    name: string,
    { resource, grace = AbortSignal.timeout(reloadGraceMs), signal = never }: ReloadOptions = {},
  ): Promise<void> {
    const leaving = AbortSignal.any([signal, this.#leaving.signal]);
    await this.#reloads.reload(name, resource, AbortSignal.any([grace, this.#cut.signal]), leaving);
  }

  /** What subscribes over pub/sub components, in the order in which it does so. */
  #pubsubUsers(): readonly PubSubUser[] {
    const isDelivering = (): boolean => this.#ending === undefined && (this.#health?.healthy ?? true);
    return [
      {
        stop: (pubsub, grace) => this.#outboxes.stop(grace, pubsub),
        restart: (pubsub, signal) => this.#outboxes.start(signal, pubsub),
      },
      {
        stop: async (pubsub, grace) => this.#subscriptions?.stopPubSub(pubsub, grace),
        restart: async (pubsub, signal) => {
          if (isDelivering()) await this.#subscriptions?.restartPubSub(pubsub, signal);
        },
      },
      {
        stop: (pubsub, grace) => this.#streams.pausePubSub(pubsub, grace),
        restart: (pubsub, signal) => this.#streams.restartPubSub(pubsub, signal),
      },
    ];
  }

  async appUnhealthy(signal: AbortSignal): Promise<void> {
    const { app, appHealth } = this.#parts.options;
    if (app === undefined || appHealth === undefined) await unlessAborted(new Promise<never>(() => {}), signal);
    else await this.#health?.unhealthy(signal);
  }

  async drain(grace: AbortSignal): Promise<void> {
    this.#leaving.abort(new Error('the runtime is stopping'));
    if (grace.aborted) this.#cut.abort();
    else grace.addEventListener('abort', () => this.#cut.abort(), { once: true });
    const health = this.#health;
    const registration = this.#registration;
    this.#registration = undefined;
    await Promise.all([
      this.#quietly('leaving the name resolver', async () => registration?.[Symbol.asyncDispose]()),
      this.#quietly('ending the delivery to the app', async () => {
        // first, so that neither a probe nor a reload starts them anew
        await Promise.all([health?.[Symbol.asyncDispose](), this.#resourceReloads.settled(), this.#reloads.settled()]);
        await this.endDelivery(grace);
      }),
      this.#quietly('ending the subscriptions to configuration', () => this.#configurations.endSubscriptions(grace)),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    await this.drain(AbortSignal.timeout(30_000));
    await this.#quietly('ending the outbox', () => this.#outboxes.stop(AbortSignal.timeout(outboxGraceMs)));
    await this.#quietly('closing connections to HTTP endpoints', () => this.#ownInvocation[Symbol.asyncDispose]());
    await Promise.all(this.#closings);
    await this.#parts.components[Symbol.asyncDispose]();
  }

  async #register(self: { readonly host: string; readonly port: number }, signal: AbortSignal): Promise<void> {
    const { appId, namespace } = this;
    signal.throwIfAborted();
    const registration = await this.#parts.resolver?.register?.({ appId, namespace, ...self }, signal);
    // one that comes when this instance is leaving already would send it callers
    if (this.#leaving.signal.aborted) await registration?.[Symbol.asyncDispose]();
    else this.#registration = registration;
  }

  /** One part that fails to end does not keep the others from ending. */
  async #quietly(what: string, end: () => PromiseLike<void> | undefined): Promise<void> {
    try {
      await end();
    } catch (error) {
      this.#parts.logger.warn(`${what} failed`, { error });
    }
  }
}

function isRunningIn(components: Components): (resource: ComponentResource) => boolean {
  const running = new Set(components.all.map(({ resource }) => resource));
  return (resource) => running.has(resource);
}

/** Throws for a component that something holds on to for as long as the runtime lives. */
function refuseFixed({ kind, resource, properties }: ComponentInstance, how: 'changed' | 'removed'): void {
  if (kind === 'configuration') throw needsRestart(resource, `a configuration store cannot be ${how} while it runs`);
  if (kind === 'state' && propertyOf(properties, 'outboxPublishPubsub') !== undefined) {
    throw needsRestart(resource, `a state store with an outbox cannot be ${how} while it runs`);
  }
}

function needsRestart(resource: ComponentResource, reason: string): NeedsRestartError {
  return new NeedsRestartError([problemOf(resource, `${reason}; start the sidecar anew`)]);
}

function accessControlOf({ accessControl }: Configuration, metrics: Metrics = noMetrics): AccessControl | undefined {
  return accessControl && new AccessControl(accessControl, metrics);
}

function invocationMeterOf(metrics: Metrics = noMetrics): InvocationMeter | undefined {
  return metrics === noMetrics ? undefined : new InvocationMeter(metrics);
}
