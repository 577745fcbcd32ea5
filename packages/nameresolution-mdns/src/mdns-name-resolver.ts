import { hostname } from 'node:os';
import {
  abortable,
  type AppInstance,
  ComponentError,
  errorMessage,
  type Logger,
  type NameResolver,
  type ResolveRequest,
  sleep,
} from '@outrigger/core';
import type { DecodedPacket } from 'dns-packet';
import { Announcement } from './announcement.ts';
import { KnownInstances } from './known-instances.ts';
import { MulticastSocket } from './multicast-socket.ts';
import {
  addressOf,
  canBeNamed,
  instancesIn,
  isLoopback,
  namesOf,
  registeredAtOf,
  type SeenInstance,
  serviceName,
} from './records.ts';

/** How long the first question for an app is waited for, in milliseconds; as in Dapr, and so is the next. */
const browseTimeout = 1000;
const refreshInterval = 30_000;
/** A question that was lost is asked once more. */
const askAgainAfter = 250;
/** How long further answers are waited for after the first, so that the first calls do not all go to who answers soonest. */
const gatherFor = 25;
/** Until it is tried again to open the socket where that failed, in milliseconds: a network may come. */
const reopenAfter = 5000;

export interface MdnsNameResolverOptions {
  /** UDP port of the group. Default 5353. */
  readonly port?: number;
  /** Milliseconds until it is tried again where multicast did not work. Default 5 s. */
  readonly reopenAfter?: number;
  readonly logger: Logger;
}

interface Browse {
  /** Resolves soon after the first answer, or when the time is up. */
  readonly over: Promise<void>;
  /** There was an answer. */
  readonly heard: () => void;
  readonly end: () => void;
}

/**
 * Finds instances by multicast DNS, with the records that Dapr's resolver has. The socket is opened by the first registration or
 * question, then listened to all the time: what an instance says when it comes or goes counts at once.
 */
export class MdnsNameResolver implements NameResolver {
  readonly #logger: Logger;
  readonly #port: number;
  readonly #reopenAfter: number;
  readonly #closing = new AbortController();
  /** What the log has said of a socket that cannot be opened. */
  #complaint = '';
  readonly #known = new KnownInstances();
  readonly #browses = new Map<string, Browse>();
  readonly #announcements = new Set<Announcement>();
  #socket: Promise<MulticastSocket> | undefined;
  #refreshing: NodeJS.Timeout | undefined;
  #disposed: Promise<void> | undefined;

  constructor({ port = 5353, reopenAfter: pause = reopenAfter, logger }: MdnsNameResolverOptions) {
    this.#port = port;
    this.#reopenAfter = pause;
    this.#logger = logger;
  }

  /** Namespaces are ignored, as by Dapr: its records have none. */
  async resolve({ appId }: ResolveRequest, signal: AbortSignal): Promise<readonly string[]> {
    this.#check(signal);
    if (!canBeNamed(appId)) return [];
    this.#known.ask(appId, performance.now());
    const addresses = this.#known.addresses(appId, performance.now());
    if (addresses.length > 0) return addresses;
    await abortable(this.#browse(appId), signal);
    return this.#known.addresses(appId, performance.now());
  }

  /** Resolves before the instance is announced: a sidecar starts no slower for it, and starts without a network, too. */
  async register(instance: AppInstance, signal: AbortSignal): Promise<AsyncDisposable> {
    this.#check(signal);
    if (!canBeNamed(instance.appId)) {
      throw new ComponentError(
        'invalid-argument',
        `the app id ${instance.appId} cannot be a name of multicast DNS: none of its parts may have more than 63 bytes`,
      );
    }
    const registeredAt = Math.round((performance.timeOrigin + performance.now()) * 1000);
    let announcement: Announcement | undefined;
    const ended = new AbortController();
    const announced = this.#openAgainAndAgain(AbortSignal.any([ended.signal, this.#closing.signal])).then(
      (socket) => {
        if (ended.signal.aborted || this.#disposed !== undefined) return;
        announcement = new Announcement(instance, namesOf(instance, hostname(), registeredAt), socket);
        this.#announcements.add(announcement);
        announcement.start();
      },
      () => {}, // it has ended before
    );
    return {
      [Symbol.asyncDispose]: async () => {
        ended.abort();
        await announced;
        if (announcement !== undefined) await this.#end(announcement);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#refreshing);
    for (const { end } of this.#browses.values()) end();
    const socket = await this.#socket?.catch(() => undefined);
    await Promise.all([...this.#announcements].map((announcement) => this.#end(announcement)));
    await socket?.[Symbol.asyncDispose]();
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#disposed !== undefined) throw new ComponentError('unavailable', 'the resolver of names is closed');
  }

  async #end(announcement: Announcement): Promise<void> {
    this.#announcements.delete(announcement);
    await announcement.end();
  }

  /** One question for all who ask for the same app at the same time. */
  async #browse(appId: string): Promise<void> {
    const socket = await this.#open();
    if (this.#disposed !== undefined) return;
    const running = this.#browses.get(appId);
    if (running !== undefined) return running.over;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const again = setTimeout(() => this.#ask(socket, [appId]), askAgainAfter).unref();
    const end = () => {
      clearTimeout(again);
      clearTimeout(timer);
      this.#browses.delete(appId);
      resolve();
    };
    let timer = setTimeout(end, browseTimeout);
    let isHeard = false;
    const heard = () => {
      if (isHeard) return;
      isHeard = true;
      clearTimeout(timer);
      timer = setTimeout(end, gatherFor);
    };
    this.#browses.set(appId, { over, heard, end });
    this.#ask(socket, [appId]);
    return over;
  }

  #ask(socket: MulticastSocket, appIds: readonly string[]): void {
    const questions = appIds.map((appId) => ({ type: 'PTR' as const, class: 'IN' as const, name: serviceName(appId) }));
    void socket.send({ type: 'query', questions });
  }

  /** Opened once. That it failed is told to whoever asks within the next seconds, and logged once for each reason. */
  #open(): Promise<MulticastSocket> {
    if (this.#socket !== undefined) return this.#socket;
    const opening = this.#openSocket();
    this.#socket = opening;
    opening.catch(() => {
      setTimeout(() => {
        if (this.#socket === opening) this.#socket = undefined;
      }, this.#reopenAfter).unref();
    });
    return opening;
  }

  /** Rejects when the signal aborts. */
  async #openAgainAndAgain(signal: AbortSignal): Promise<MulticastSocket> {
    for (;;) {
      try {
        return await this.#open();
      } catch {
        await sleep(this.#reopenAfter + 1, signal);
      }
    }
  }

  async #openSocket(): Promise<MulticastSocket> {
    try {
      const socket = await MulticastSocket.open({
        port: this.#port,
        logger: this.#logger,
        onPacket: (packet, local) => this.#take(packet, local),
      });
      // one app per packet: Dapr answers each question on its own anyway
      const refresh = () => this.#known.asked(performance.now()).forEach((appId) => this.#ask(socket, [appId]));
      if (this.#disposed === undefined) this.#refreshing = setInterval(refresh, refreshInterval).unref();
      this.#complaint = '';
      return socket;
    } catch (error) {
      const message = `multicast DNS does not work here (${errorMessage(error)}): this app is not found by others, nor finds them; name another resolver in spec.nameResolution of the Configuration, such as sqlite`;
      if (message !== this.#complaint) this.#logger.warn(message);
      this.#complaint = message;
      throw new ComponentError('unavailable', message, { cause: error });
    }
  }

  #take(packet: DecodedPacket, local: boolean): void {
    if (packet.type === 'query') {
      for (const announcement of this.#announcements) announcement.answer(packet);
      return;
    }
    for (const seen of instancesIn(packet)) {
      // another machine's loopback addresses are not ours
      if (isLoopback(seen.host) && !local) continue;
      this.#known.hear(seen, performance.now());
      if (seen.ttl === 0) continue;
      this.#browses.get(seen.appId)?.heard();
      if (local) this.#yieldTo(seen);
    }
  }

  /** An address belongs to who has registered it last: of two processes of a machine only one can have the port. */
  #yieldTo(seen: SeenInstance): void {
    for (const announcement of this.#announcements) {
      const { instance, names } = announcement;
      if (addressOf(instance) !== addressOf(seen)) continue;
      if (registeredAtOf(seen.name) <= registeredAtOf(names.instance)) continue;
      this.#logger.warn(
        `${seen.appId} announces the address ${addressOf(seen)}; ${instance.appId} is no longer found there`,
      );
      void this.#end(announcement);
    }
  }
}
