import { AccessControl } from './access-control/access-control.ts';
import type { TopicEvent, TopicEventStatus } from './app-channel/app-channel.ts';
import { AppDelivery } from './app-delivery.ts';
import { bindingsBlock, loadedComponents, outboxes, type RuntimeParts, subscriptionsBlock } from './building-blocks.ts';
import type { ConfigurationHandle } from './blocks/configuration.ts';
import { createInvocation, type OwnInvocation } from './blocks/invocation-block.ts';
import { InvocationMeter } from './blocks/invocation-meter.ts';
import type { Invocation } from './blocks/invocation.ts';
import type { LockHandle } from './blocks/lock.ts';
import type { Outboxes } from './blocks/outboxes.ts';
import { compileBrokers } from './blocks/pubsub-brokers.ts';
import { OwnConsumers } from './blocks/pubsub-own-consumers.ts';
import { Publisher } from './blocks/pubsub-publisher.ts';
import type { OutputBindingsBlock } from './blocks/output-bindings.ts';
import { PubSubReloads, type PubSubUser } from './blocks/pubsub-reloads.ts';
import type { PubSubTopics } from './blocks/pubsub.ts';
import type { SecretsHandle } from './blocks/secrets.ts';
import type { StateHandle } from './blocks/state.ts';
import { SubscriptionStreams } from './blocks/subscription-streams.ts';
import { type ActiveSubscription, declaredSubscriptions, type Subscriptions } from './blocks/subscriptions.ts';
import { notStarted } from './components/not-started.ts';
import { type Metrics, noMetrics } from './metrics.ts';
import { quietly } from './quietly.ts';
import { ComponentChanges } from './reload/component-changes.ts';
import { ConfigurationReloads } from './reload/configuration-reloads.ts';
import { ResourceReloads } from './reload/resource-reloads.ts';
import { isSame } from './reload/same.ts';
import type { Configuration } from './resources/configuration.ts';
import type { LoadedComponent, ReloadOptions, RunningSubscription, Runtime, StreamingSubscription } from './runtime.ts';
import { StoreBlocks } from './store-blocks.ts';

const never = new AbortController().signal;
const outboxGraceMs = 5000;
const reloadGraceMs = 30_000;

/** The building blocks over running components, and the order in which they begin and end. */
export class RunningRuntime implements Runtime {
  readonly appId: string;
  readonly namespace: string;
  readonly pubsub: PubSubTopics;
  readonly bindings: OutputBindingsBlock;
  readonly invocation: Invocation;
  readonly #parts: RuntimeParts;
  #resiliencies: readonly string[];
  readonly #outboxes: Outboxes;
  readonly #stores: StoreBlocks;
  readonly #ownInvocation: OwnInvocation;
  readonly #subscriptions: Subscriptions | undefined;
  readonly #streams: SubscriptionStreams;
  readonly #delivery: AppDelivery;
  #registration: AsyncDisposable | undefined;
  readonly #leaving = new AbortController();
  readonly #reloads: PubSubReloads;
  readonly #resourceReloads: ResourceReloads;
  readonly #configurationReloads: ConfigurationReloads;
  readonly #changes: ComponentChanges;
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
    this.#outboxes = outboxes(parts, brokers);
    this.#configurationReloads = new ConfigurationReloads({
      initial: configuration,
      load: parts.loadConfiguration,
      reconfigure: options.reconfigure,
      follow: (was, signal) => this.#followConfiguration(was, signal),
      logger,
    });
    this.#stores = new StoreBlocks(parts, this.#outboxes, () => this.configuration);
    this.pubsub = new Publisher(
      brokers,
      logger,
      (text) => parts.secretTexts.hide(text),
      (name) => notStarted(components, name),
    );
    const consumers = new OwnConsumers({ components, context, startComponent: parts.startComponent });
    this.#streams = new SubscriptionStreams(brokers, logger, consumers);
    this.#subscriptions = subscriptionsBlock(parts, brokers);
    const { outputs, inputs } = bindingsBlock(parts);
    this.bindings = outputs;
    this.#delivery = new AppDelivery({
      app,
      appHealth: options.appHealth,
      subscriptions: this.#subscriptions,
      inputBindings: inputs,
      streams: this.#streams,
      settled: () => this.#reloads.settled(),
      logger,
    });
    this.#changes = new ComponentChanges({
      components,
      startComponent: parts.startComponent,
      pubsubs: this.#reloads,
      stores: this.#stores,
      outboxes: this.#outboxes,
      declared: () => this.#resourceReloads.wanted.components,
      bindings: outputs,
      inputBindings: inputs,
      delivery: this.#delivery,
      grace: () => this.#reloadGrace(),
      logger,
    });
    this.#ownInvocation = createInvocation({
      appId,
      namespace,
      app,
      policies,
      accessControl: accessControlOf(configuration, options.metrics),
      meter: invocationMeterOf(options.metrics),
      logger,
      resolver: parts.resolver,
      peers: options.peers,
      httpEndpoints: parts.httpEndpoints ?? [],
      hostAddress: options.self?.host,
      ...(options.appHealth && { isAppHealthy: () => this.#delivery.isAppHealthy }),
    });
    this.invocation = this.#ownInvocation;
    this.#resourceReloads = this.#followResources(parts);
    this.#resiliencies = resources.resiliencies.map(({ name }) => name);
  }

  #followResources({
    options,
    httpEndpoints,
    startComponent,
    resources,
    components,
    loadResources,
    resolveHttpEndpoints,
    logger,
  }: RuntimeParts): ResourceReloads {
    return new ResourceReloads({
      initial: resources,
      lacksHttpEndpoints: httpEndpoints === undefined,
      components,
      triesAgain: options.retryComponents === true,
      load: () => loadResources(this.configuration),
      target: {
        make: startComponent,
        place: (made, signal) => this.#changes.place(made, undefined, signal),
        put: (resource, was, signal) => this.#changes.put(resource, was, signal),
        remove: (resource) => this.#changes.remove(resource),
        subscriptions: (current, signal) =>
          this.#subscriptions?.redeclare(
            { declarative: current.subscriptions, components: current.components },
            this.#reloadGrace(),
            signal,
          ) ?? Promise.resolve(),
        resiliencies: (signal) => this.reloadResiliencies(signal),
        httpEndpoints: async (endpoints, signal) =>
          this.#ownInvocation.replaceHttpEndpoints(await resolveHttpEndpoints(endpoints, signal)),
      },
      logger,
    });
  }

  /** What has to run before anybody may use the building blocks. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#outboxes.start(signal);
    this.#resourceReloads.start();
  }

  get components(): readonly LoadedComponent[] {
    return loadedComponents(this.#resourceReloads.components, this.#parts);
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

  get configuration(): Configuration {
    return this.#configurationReloads.current;
  }

  async reloadConfiguration(signal: AbortSignal = never): Promise<void> {
    await this.#configurationReloads.reload(AbortSignal.any([signal, this.#leaving.signal]));
  }

  async #followConfiguration({ accessControl, deniedComponents }: Configuration, signal: AbortSignal): Promise<void> {
    const now = this.configuration;
    if (!isSame(now.accessControl, accessControl)) {
      this.#ownInvocation.replaceAccessControl(accessControlOf(now, this.#parts.options.metrics));
    }
    this.#stores.follow('secrets');
    if (!isSame(now.deniedComponents, deniedComponents)) await this.#resourceReloads.reload(signal);
  }

  async reloadResources(signal: AbortSignal = never): Promise<void> {
    await this.#resourceReloads.reload(AbortSignal.any([signal, this.#leaving.signal]));
  }

  #reloadGrace(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(reloadGraceMs), this.#cut.signal]);
  }

  state(storeName: string): StateHandle {
    return this.#store(storeName, () => this.#stores.state.store(storeName));
  }

  secrets(storeName: string): SecretsHandle {
    return this.#store(storeName, () => this.#stores.secrets.store(storeName));
  }

  configurationStore(storeName: string): ConfigurationHandle {
    return this.#store(storeName, () => this.#stores.configurations.store(storeName));
  }

  lock(storeName: string): LockHandle {
    return this.#store(storeName, () => this.#stores.locks.store(storeName));
  }

  /** Of a store that is not there it may be known when it will be. */
  #store<H>(name: string, find: () => H): H {
    try {
      return find();
    } catch (error) {
      throw notStarted(this.#parts.components, name) ?? error;
    }
  }

  async subscribe(
    subscription: StreamingSubscription,
    deliver: (event: TopicEvent, signal: AbortSignal) => Promise<TopicEventStatus>,
    signal: AbortSignal = never,
  ): Promise<RunningSubscription> {
    const notThere = notStarted(this.#parts.components, subscription.pubsubName);
    if (notThere !== undefined) throw notThere;
    return this.#streams.subscribe(subscription, deliver, signal);
  }

  async connectApp(signal: AbortSignal = never): Promise<void> {
    await this.#connectApp(AbortSignal.any([signal, this.#leaving.signal]));
  }

  async #connectApp(signal: AbortSignal): Promise<void> {
    const { app, self } = this.#parts.options;
    await app?.ready(signal);
    if (self !== undefined) await this.#register(self, signal);
    await this.#delivery.begin(signal);
  }

  endDelivery(grace: AbortSignal): Promise<void> {
    return this.#delivery.endForGood(grace);
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
    return [
      {
        stop: (pubsub, grace) => this.#outboxes.stop(grace, pubsub),
        restart: (pubsub, signal) => this.#outboxes.start(signal, pubsub),
      },
      {
        stop: async (pubsub, grace) => this.#subscriptions?.stopPubSub(pubsub, grace),
        restart: async (pubsub, signal) => {
          if (this.#delivery.mayDeliver) await this.#subscriptions?.restartPubSub(pubsub, signal);
        },
      },
      {
        stop: (pubsub, grace) => this.#streams.pausePubSub(pubsub, grace),
        restart: (pubsub, signal) => this.#streams.restartPubSub(pubsub, signal),
      },
    ];
  }

  appUnhealthy(signal: AbortSignal): Promise<void> {
    return this.#delivery.unhealthy(signal);
  }

  async drain(grace: AbortSignal): Promise<void> {
    this.#leaving.abort(new Error('the runtime is stopping'));
    if (grace.aborted) this.#cut.abort();
    else grace.addEventListener('abort', () => this.#cut.abort(), { once: true });
    const registration = this.#registration;
    this.#registration = undefined;
    await Promise.all([
      this.#quietly('leaving the name resolver', async () => registration?.[Symbol.asyncDispose]()),
      this.#quietly('ending the delivery to the app', async () => {
        // first, so that neither a probe nor a reload starts them anew
        await Promise.all([
          this.#delivery.stopChecking(),
          this.#resourceReloads[Symbol.asyncDispose](),
          this.#configurationReloads.settled(),
          this.#resourceReloads.settled(),
          this.#reloads.settled(),
        ]);
        await this.endDelivery(grace);
      }),
      this.#quietly('ending the subscriptions to configuration', () =>
        this.#stores.configurations.endSubscriptions(grace),
      ),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    await this.drain(AbortSignal.timeout(30_000));
    await this.#quietly('ending the outbox', () => this.#outboxes.stop(AbortSignal.timeout(outboxGraceMs)));
    await this.#quietly('closing connections to HTTP endpoints', () => this.#ownInvocation[Symbol.asyncDispose]());
    await this.#changes.closed();
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

  #quietly(what: string, end: () => PromiseLike<void> | undefined): Promise<void> {
    return quietly(this.#parts.logger, what, end);
  }
}

function accessControlOf({ accessControl }: Configuration, metrics: Metrics = noMetrics): AccessControl | undefined {
  return accessControl && new AccessControl(accessControl, metrics);
}

function invocationMeterOf(metrics: Metrics = noMetrics): InvocationMeter | undefined {
  return metrics === noMetrics ? undefined : new InvocationMeter(metrics);
}
