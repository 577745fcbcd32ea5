import type { ComponentDefinition, Logger, RequestMetadata } from '@outrigger/core';

import type { AppChannel, TopicEvent, TopicEventStatus } from './app-channel/app-channel.ts';
import type { OutputBindings } from './blocks/bindings.ts';
import type { ConfigurationHandle } from './blocks/configuration.ts';
import type { Invocation, PeerTransport } from './blocks/invocation.ts';
import type { LockHandle } from './blocks/lock.ts';
import type { PubSubTopics } from './blocks/pubsub.ts';
import type { SecretsHandle } from './blocks/secrets.ts';
import type { StateHandle } from './blocks/state.ts';
import type { ActiveSubscription } from './blocks/subscriptions.ts';
import type { ComponentSource } from './components/component-source.ts';
import type { ComponentResource } from './resources/component-resource.ts';
import type { Configuration } from './resources/configuration.ts';
import type { Metrics } from './metrics.ts';
import type { ConfigurationChange } from './reload/configuration-reloads.ts';
import type { Tracer } from './tracing.ts';
import type { SecretTexts } from './secret-texts.ts';

export interface RuntimeOptions {
  readonly appId: string;
  /** Default: env `NAMESPACE`; empty when that is unset. */
  readonly namespace?: string;
  /** Folders with resource YAML (non-recursive). */
  readonly resourcesPaths?: readonly string[];
  /** Configuration files, merged in order. */
  readonly configPaths?: readonly string[];
  /** Definitions used in place of, or beside, installed packages. */
  readonly components?: readonly ComponentDefinition[];
  /** Has components that no package holds, such as those that answer on Unix sockets. Default: none. */
  readonly componentSource?: ComponentSource;
  /** Folder from which installed component packages are looked for, upwards. Default: the working directory. */
  readonly searchFrom?: string;
  /** Further packages, by name or path, that hold components. */
  readonly packages?: readonly string[];
  /** The app: handlers of this process (library mode) or a channel to it. Absent: no app. */
  readonly app?: AppChannel;
  readonly appHealth?: { readonly intervalMs: number; readonly timeoutMs: number; readonly threshold: number };
  /**
   * A component whose backend is away, or whose secret store is, does not keep the runtime from starting: it is tried again in the
   * background, and calls that need it are refused with 503 until it is up. What is wrong in a file still stops the start.
   * Default: every component that does not start stops it, but for those with `ignoreErrors`.
   */
  readonly retryComponents?: boolean;
  readonly logger?: Logger;
  /**
   * Is told every secret that a component gets, to hide it in logs and answers. Default: one of the runtime's own, and what goes to
   * `logger` holds no secret.
   */
  readonly secretTexts?: SecretTexts;
  /** Where this runs; anything but `standalone` has a name resolver of that name as its default. Default `standalone`. */
  readonly mode?: 'standalone' | 'kubernetes';
  /** Takes what is counted. Default: nobody does. */
  readonly metrics?: Metrics;
  /** Records deliveries as spans; asked once, after `prepare`. Default: nobody does. */
  readonly tracer?: () => Tracer | undefined;
  /** Reaches other sidecars; absent in library mode without service invocation. */
  readonly peers?: PeerTransport;
  /**
   * Called with the Configuration before any component starts, once all resources are known to be in order. The start waits for it,
   * and fails with what it rejects with.
   */
  readonly prepare?: (configuration: Configuration, signal: AbortSignal) => Promise<void>;
  /**
   * Called with a Configuration that has changed and with the one before, before anything goes by it. What it throws keeps everything
   * as it was.
   */
  readonly reconfigure?: (next: Configuration, was: Configuration) => ConfigurationChange;
  /** Where peers reach this process; registered with the name resolver once the runtime serves. */
  readonly self?: { readonly host: string; readonly port: number };
  /** Environment for `envRef`, templates and tokens. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Aborts the start; `createRuntime` then rejects and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

export interface LoadedComponent {
  readonly name: string;
  readonly type: string;
  readonly version: string;
  /** Dapr's capability strings, derived from the component's features and methods; none while it does not run. */
  readonly capabilities: readonly string[];
  /**
   * `unavailable`: it runs, but its backend could not be reached, or did not answer in time, when a call needed it last.
   * `retrying`: it has not started, as something that it needs is away, and is tried again; see `retryComponents`.
   */
  readonly status: 'ready' | 'unavailable' | 'retrying';
  /** Why it is not ready; without secrets. */
  readonly message?: string;
}

export { type ActiveSubscription };

export interface ReloadOptions {
  /** The resource as it is now. Default: as it was. */
  readonly resource?: ComponentResource;
  /** Aborts when deliveries in flight are no longer waited for. Default: after 30 s. */
  readonly grace?: AbortSignal;
  readonly signal?: AbortSignal;
}

/** A subscription that lives as long as somebody takes its events. */
export interface StreamingSubscription {
  readonly pubsubName: string;
  readonly topic: string;
  /**
   * For the component. `consumerID` makes it one that takes no message from the app's, as far as the component tells consumers apart;
   * with `temporaryConsumer: true` that consumer begins with what comes from now on and is forgotten at the end, where the component can.
   */
  readonly metadata: RequestMetadata;
  readonly deadLetterTopic?: string;
}

/** A streaming subscription that delivers. Disposal ends it, and what is not settled by then goes back to the broker. */
export interface RunningSubscription extends AsyncDisposable {
  /** Resolves once it has ended, by disposal or because the runtime stops; what was in flight then is settled or given back. */
  readonly ended: Promise<void>;
}

/**
 * The engine: loaded resources, running components and the building blocks over them. The sidecar's edges and a library
 * user call the same methods. Handles are cheap and may be kept; asking for an unknown name throws the {@link ApiError} that
 * the edges render.
 */
export interface Runtime extends AsyncDisposable {
  readonly appId: string;
  readonly namespace: string;
  /** As it is now; what takes a restart is as it was at the start. */
  readonly configuration: Configuration;

  state(storeName: string): StateHandle;
  secrets(storeName: string): SecretsHandle;
  configurationStore(storeName: string): ConfigurationHandle;
  lock(storeName: string): LockHandle;
  readonly bindings: OutputBindings;
  readonly pubsub: PubSubTopics;

  /**
   * Subscribes beside the app's own subscriptions, also to a topic they have, and whatever the app's health. Resolves once
   * messages flow; rejects when the subscription cannot be. `deliver` is called for many events at a time, as many as the
   * component hands out; a rejection stands for `RETRY`. Its signal aborts when its outcome is no longer waited for.
   */
  subscribe(
    subscription: StreamingSubscription,
    deliver: (event: TopicEvent, signal: AbortSignal) => Promise<TopicEventStatus>,
    signal?: AbortSignal,
  ): Promise<RunningSubscription>;
  readonly invocation: Invocation;

  readonly components: readonly LoadedComponent[];
  /** Of resources and of the app, those that cannot be delivered to the app included. */
  readonly subscriptions: readonly ActiveSubscription[];
  readonly httpEndpoints: readonly string[];
  readonly resiliencies: readonly string[];

  /**
   * Second half of the start, after the API is being served: waits for the app, reads its configuration and subscriptions,
   * begins delivery and registers this instance. Resolves when all that is done.
   */
  connectApp(signal?: AbortSignal): Promise<void>;

  /**
   * Resolves once the app counts as unhealthy, at once when it does now; never when its health is not checked. Rejects when the
   * signal aborts.
   */
  appUnhealthy(signal: AbortSignal): Promise<void>;

  /**
   * Ends all subscriptions and input bindings for good, while everything else goes on. Resolves when what they had in flight is
   * done; from the moment `grace` aborts the rest is given back to its broker. May be called again with a shorter grace.
   */
  endDelivery(grace: AbortSignal): Promise<void>;

  /**
   * Makes a pub/sub component anew and lets it take the place of the one that runs, with nothing lost: the app's subscriptions, the
   * streaming ones and the outbox on it end as they do at a shutdown and go on over the new one. Rejects, with the old one still at
   * work, when the new one cannot be made.
   */
  reloadPubSub(name: string, options?: ReloadOptions): Promise<void>;

  /**
   * Reads the Resiliency resources again. From when this resolves, calls go by what is there now; those under way end by the
   * policies they began with, and a breaker whose policy is unchanged keeps its state. Rejects with a {@link ResourceError} when
   * they cannot be used, and everything stays as it was.
   */
  reloadResiliencies(signal?: AbortSignal): Promise<void>;

  /**
   * Reads the Configuration files again. From when this resolves, calls go by the access rules, the secret scopes, the rules of APIs and
   * the components that are denied as they are there now; the log names what takes a restart. Rejects with what has to be mended when
   * they cannot be used, and everything stays as it was.
   */
  reloadConfiguration(signal?: AbortSignal): Promise<void>;

  /**
   * Reads all resources again and applies what differs: components, subscriptions, policies. Only what changed is touched, and what
   * is under way ends on the old component before that is closed. A component that cannot be made is logged, and the old one stays.
   * Rejects with a {@link ResourceError}, and nothing has changed, when a file is wrong. Handles of a store that changed are to be
   * asked for anew.
   */
  reloadResources(signal?: AbortSignal): Promise<void>;

  /**
   * Stops taking in work: the instance is no longer found by peers, subscriptions end. Resolves when what they had in flight is
   * done; from the moment `grace` aborts the rest is given back to its broker. The building blocks can be used until disposal.
   */
  drain(grace: AbortSignal): Promise<void>;
}
