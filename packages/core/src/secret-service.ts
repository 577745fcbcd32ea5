import { ComponentError } from './errors.ts';
import { OpenCalls } from './open-calls.ts';
import type { Secret, SecretStore, SecretStoreFeature } from './secrets.ts';
import type { RequestMetadata } from './state.ts';

/** A service on the network that gives one secret at a time and lists names, as those of the clouds do. */
export interface SecretService {
  /** What messages call it: `AWS Secrets Manager`. */
  readonly title: string;
  readonly features: readonly SecretStoreFeature[];
  /** Milliseconds that a request may take, with all repeats that the service's client makes. */
  readonly timeout: number;
  /** The names of the fields to look at when it does not answer: `endpoint and region`. */
  readonly addressFields: string;
  /** The secret, or `undefined` where there is none. */
  get(name: string, metadata: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined>;
  /** All names, page by page; each page is asked for when it is wanted. The signal aborts when no more are. */
  list(metadata: RequestMetadata, signal: AbortSignal): AsyncIterable<readonly string[]>;
  /** What a rejection of the two means. `doing` says what was tried: `getting "db"`. */
  failure(error: unknown, doing: string): ComponentError;
  /** Whether it is a refusal of somebody whom the service knows. */
  isForbidden(error: unknown): boolean;
  close(): void;
}

type Metadata = { readonly metadata?: RequestMetadata };

/** How many secrets of a list are read at a time: services slow down who asks for many. */
const readAtATime = 5;

/**
 * The secret store over a service. Resolves when the service has answered and knows who asks, by a look at the list of names;
 * who may not list may still read. Rejects with what is wrong, and closes the service. Nothing is kept: each call asks again.
 */
export async function openSecretService(service: SecretService, signal: AbortSignal): Promise<SecretStore> {
  const store = new ServiceSecretStore(service);
  try {
    await store.tryLogin(signal);
    return store;
  } catch (error) {
    service.close();
    if (!signal.aborted) throw error;
    const message = `${service.title} has not answered yet; check ${service.addressFields}`;
    throw new ComponentError('unavailable', message, { cause: error });
  }
}

class ServiceSecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[];
  readonly #service: SecretService;
  readonly #calls: OpenCalls;

  constructor(service: SecretService) {
    this.#service = service;
    this.features = service.features;
    this.#calls = new OpenCalls({ server: service.title, timeout: service.timeout });
  }

  async tryLogin(signal: AbortSignal): Promise<void> {
    const open = new AbortController();
    try {
      const pages = this.#service.list({}, AbortSignal.any([signal, open.signal]))[Symbol.asyncIterator]();
      await this.#calls.request(() => pages.next(), signal);
    } catch (error) {
      if (!this.#service.isForbidden(error)) throw this.#service.failure(error, 'connecting');
    } finally {
      open.abort();
    }
  }

  get({ name, metadata = {} }: Metadata & { readonly name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#calls.run(() => this.#read(name, metadata, signal), signal);
  }

  getAll({ metadata = {} }: Metadata, signal: AbortSignal): Promise<Readonly<Record<string, Secret>>> {
    return this.#calls.run(() => this.#readAll(metadata, signal), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.close();
    this.#service.close();
  }

  async #readAll(metadata: RequestMetadata, signal: AbortSignal): Promise<Record<string, Secret>> {
    const secrets: [string, Secret][] = [];
    const open = new AbortController();
    const pages = this.#service.list(metadata, AbortSignal.any([signal, open.signal]))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const page = await this.#ask('listing', () => pages.next(), signal);
        if (page.done === true) return Object.fromEntries(secrets);
        for (let at = 0; at < page.value.length; at += readAtATime) {
          const names = page.value.slice(at, at + readAtATime);
          const read = await Promise.all(
            names.map(async (name) => [name, await this.#read(name, {}, signal)] as const),
          );
          // one that is missing was deleted meanwhile
          for (const [name, secret] of read) if (secret !== undefined) secrets.push([name, secret]);
        }
      }
    } finally {
      open.abort();
    }
  }

  #read(name: string, metadata: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#ask(
      `getting ${JSON.stringify(name)}`,
      (attempt) => this.#service.get(name, metadata, attempt),
      signal,
    );
  }

  async #ask<T>(doing: string, send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await this.#calls.request(send, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#service.failure(error, doing);
    }
  }
}
