import { type AppInstance, ComponentError, type NameResolver, type ResolveRequest } from '@outrigger/core';

import type { ConsulAgent, ServiceEntry } from './consul-agent.ts';
import type { ConsulSettings } from './settings.ts';

/** Milliseconds for taking a registration back. */
const farewell = 2000;

/** Finds the healthy instances of an app in the catalogue of a Consul agent, as Dapr keeps them there: one service per app id. */
export class ConsulNameResolver implements NameResolver {
  readonly #agent: ConsulAgent;
  readonly #settings: ConsulSettings;
  readonly #registered = new Set<string>();
  #isClosed = false;
  readonly register?: (instance: AppInstance, signal: AbortSignal) => Promise<AsyncDisposable>;

  constructor(agent: ConsulAgent, settings: ConsulSettings) {
    this.#agent = agent;
    this.#settings = settings;
    if (settings.selfRegister) this.register = (instance, signal) => this.#register(instance, signal);
  }

  async resolve({ appId }: ResolveRequest, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#isClosed) throw new ComponentError('unavailable', 'the name resolver is closed');
    const entries = await this.#agent.healthy(appId, signal);
    const addresses = entries.flatMap((entry) => this.#addressOf(entry) ?? []);
    if (entries.length > 0 && addresses.length === 0) {
      throw new ComponentError(
        'unavailable',
        `Consul knows the service ${appId}, but none of its instances has ${this.#settings.daprPortMetaKey} in its metadata`,
      );
    }
    return addresses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    try {
      await Promise.allSettled([...this.#registered].map((id) => this.#deregister(id)));
    } finally {
      await this.#agent[Symbol.asyncDispose]();
    }
  }

  #addressOf({ Node, Service }: ServiceEntry): string | undefined {
    const host = Service?.Address || Node?.Address;
    const port = Service?.Meta?.[this.#settings.daprPortMetaKey];
    if (!host || port === undefined || !/^\d+$/.test(port)) return undefined;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }

  async #register(instance: AppInstance, signal: AbortSignal): Promise<AsyncDisposable> {
    const registration = this.#registrationOf(instance);
    const id = String(registration['ID']);
    await this.#takeOver(instance, id, signal);
    // known before it is there: a disposal meanwhile takes it back
    this.#registered.add(id);
    try {
      await this.#agent.register(registration, signal);
    } catch (error) {
      this.#registered.delete(id);
      throw error;
    }
    if (this.#isClosed) await this.#agent.deregister(id, AbortSignal.timeout(farewell));
    return { [Symbol.asyncDispose]: () => this.#deregister(id) };
  }

  /** Whoever was at this address before is gone without having said so; its health check would find us in its place. */
  async #takeOver({ host, port }: AppInstance, id: string, signal: AbortSignal): Promise<void> {
    for (const [other, service] of Object.entries(await this.#agent.own(signal))) {
      const isHere = service?.Address === host && service.Meta?.[this.#settings.daprPortMetaKey] === String(port);
      if (isHere && other !== id) await this.#agent.deregister(other, signal);
    }
  }

  async #deregister(id: string): Promise<void> {
    if (!this.#registered.delete(id) || !this.#settings.selfDeregister) return;
    await this.#agent.deregister(id, AbortSignal.timeout(farewell));
  }

  #registrationOf({ appId, host, port }: AppInstance): Readonly<Record<string, unknown>> {
    const { advancedRegistration, checks, daprPortMetaKey, meta, tags } = this.#settings;
    const id = `${appId}-${host}-${port}`;
    const own = { [daprPortMetaKey]: String(port) };
    if (advancedRegistration !== undefined) {
      const given = Object.entries(advancedRegistration);
      const of = (name: string) => given.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
      const rest = given.filter(([key]) => !['id', 'name', 'meta'].includes(key.toLowerCase()));
      return {
        ...Object.fromEntries(rest),
        ID: of('id') ?? id,
        Name: of('name') ?? appId,
        Meta: { ...own, ...(of('meta') as object | undefined) },
      };
    }
    const check = { CheckID: `daprHealth:${id}`, Name: 'Dapr Health Status', TCP: `${host}:${port}`, Interval: '15s' };
    return {
      ID: id,
      Name: appId,
      Address: host,
      Port: port,
      Meta: { ...meta, ...own },
      Checks: checks ?? [check],
      ...(tags !== undefined && { Tags: tags }),
    };
  }
}
