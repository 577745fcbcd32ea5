import type { ComponentInstance } from '../components/component-instance.ts';
import type { Components } from '../components/components.ts';
import type { Broker } from './pubsub-broker.ts';
import { type BrokerContext, compileBroker } from './pubsub-brokers.ts';

/** What subscribes over pub/sub components and can do without one of them for a while. */
export interface PubSubUser {
  /** Resolves once nothing comes from the component any more; what is in flight when `grace` aborts is given back. */
  stop(pubsubName: string, grace: AbortSignal): Promise<void>;
  /** Subscribes anew. What cannot be subscribed to is logged and tried again where that makes sense. */
  restart(pubsubName: string, signal: AbortSignal): Promise<void>;
}

export interface PubSubReload {
  readonly brokers: Map<string, Broker>;
  readonly components: Components;
  readonly context: BrokerContext;
  /** In the order in which they subscribe. */
  readonly users: readonly PubSubUser[];
  /** Makes the new component. */
  readonly start: (signal: AbortSignal) => Promise<ComponentInstance>;
}

/**
 * Puts a new component in the place of a pub/sub component that runs. The new one is made first: when that fails, this rejects
 * and the old one goes on. Then its subscriptions end as they do at a shutdown (paused, drained, the rest given back to the
 * broker), those on the new one begin, and the old one closes when nothing is being published over it.
 */
export async function reloadPubSub(
  name: string,
  { brokers, components, context, users, start }: PubSubReload,
  grace: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const running = components.get('pubsub', name);
  if (running === undefined) throw new Error(`there is no pub/sub component "${name}" to reload`);
  const made = await start(signal);
  if (made.kind !== 'pubsub' || made.name !== name || signal.aborted) {
    await made.instance[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw new Error(`the component "${made.name}" (${made.type}) cannot take the place of pub/sub component "${name}"`);
  }
  const broker = brokers.get(name);
  await Promise.all(users.map((user) => user.stop(name, grace)));
  components.replace(made);
  brokers.set(name, compileBroker(made as ComponentInstance<'pubsub'>, context));
  try {
    for (const user of users) await user.restart(name, signal);
  } finally {
    await broker?.idle();
    await running.instance[Symbol.asyncDispose]();
  }
}
