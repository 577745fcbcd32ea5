import { addressOf, type SeenInstance } from './records.ts';

/** As in Dapr: how long an address is used after it was last heard of. */
const addressTtl = 60_000;
const mostApps = 500;
const mostInstances = 200;
/** An app that nobody has asked for so long is no longer looked for. */
const forgetAfter = 300_000;

interface KnownApp {
  /** By the instance's name. */
  readonly instances: Map<string, { readonly address: string; readonly expiresAt: number }>;
  askedAt: number;
}

/**
 * What was heard of the apps that somebody has asked for, and of no other: names that a stranger makes up take no memory. Bounded in
 * apps and in instances of each.
 */
export class KnownInstances {
  readonly #apps = new Map<string, KnownApp>();
  /** Who has an address, of those in `#apps`. */
  readonly #holders = new Map<string, { readonly appId: string; readonly name: string }>();

  /** Listens for the app from now on; the one asked for longest ago is dropped when there are too many. */
  ask(appId: string, now: number): void {
    const known = this.#apps.get(appId) ?? { instances: new Map(), askedAt: now };
    known.askedAt = now;
    // the order of the map is that of the questions
    this.#apps.delete(appId);
    this.#apps.set(appId, known);
    const [oldest] = this.#apps.keys();
    if (this.#apps.size > mostApps && oldest !== undefined) this.#forget(oldest);
  }

  /** Apps that are still of interest. */
  asked(now: number): string[] {
    for (const [appId, { askedAt }] of this.#apps) if (now - askedAt > forgetAfter) this.#forget(appId);
    return [...this.#apps.keys()];
  }

  addresses(appId: string, now: number): string[] {
    const instances = this.#apps.get(appId)?.instances;
    if (instances === undefined) return [];
    for (const [name, { expiresAt }] of instances) if (expiresAt <= now) this.#drop(appId, name);
    return [...new Set([...instances.values()].map(({ address }) => address))];
  }

  /** An address belongs to the instance that was heard of there last: a port is used again by another app. */
  hear(seen: SeenInstance, now: number): void {
    const { name, appId, ttl } = seen;
    const address = addressOf(seen);
    const holder = this.#holders.get(address);
    if (ttl > 0 && holder !== undefined && holder.name !== name) this.#drop(holder.appId, holder.name);
    const instances = this.#apps.get(appId)?.instances;
    if (instances === undefined) return;
    const before = instances.get(name);
    if (ttl === 0 || (before !== undefined && before.address !== address)) this.#drop(appId, name);
    if (ttl === 0 || (before === undefined && instances.size >= mostInstances)) return;
    instances.set(name, { address, expiresAt: now + Math.min(addressTtl, ttl * 1000) });
    this.#holders.set(address, { appId, name });
  }

  #drop(appId: string, name: string): void {
    const instances = this.#apps.get(appId)?.instances;
    const address = instances?.get(name)?.address;
    instances?.delete(name);
    if (address !== undefined && this.#holders.get(address)?.name === name) this.#holders.delete(address);
  }

  #forget(appId: string): void {
    for (const name of this.#apps.get(appId)?.instances.keys() ?? []) this.#drop(appId, name);
    this.#apps.delete(appId);
  }
}
