import { awsError } from '@outrigger/aws-client';
import {
  ComponentError,
  OpenCalls,
  type RequestMetadata,
  type Secret,
  type SecretStore,
  type SecretStoreFeature,
} from '@outrigger/core';

/** One service of AWS that keeps secrets; its calls reject with the SDK's errors. */
export interface SecretService extends Disposable {
  /** `AWS Secrets Manager`. */
  readonly title: string;
  readonly features: readonly SecretStoreFeature[];
  /** The secret, or `undefined`. */
  get(name: string, metadata: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined>;
  /** The names of one page; `next` asks for the page after it. */
  list(next: string | undefined, signal: AbortSignal): Promise<NamesPage>;
}

export interface NamesPage {
  readonly names: readonly string[];
  readonly next: string | undefined;
}

interface Request {
  readonly metadata?: RequestMetadata;
}

/** Milliseconds for a request with all its repeats, each of which the SDK gives 10 s. */
const requestTimeout = 30_000;
/** How many secrets of a list are read at a time; AWS slows down who asks for more than some 40 in a second. */
const readAtATime = 5;

/** Secrets of one account and region. Nothing is kept: each call asks AWS. */
export class AwsSecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[];
  readonly #service: SecretService;
  readonly #calls: OpenCalls;

  private constructor(service: SecretService) {
    this.#service = service;
    this.features = service.features;
    this.#calls = new OpenCalls({ server: service.title, timeout: requestTimeout });
  }

  /** Resolves when AWS has answered and taken the credentials; otherwise rejects with what is wrong and how to mend it. */
  static async open(service: SecretService, signal: AbortSignal): Promise<AwsSecretStore> {
    const store = new AwsSecretStore(service);
    try {
      await store.#list(undefined, signal);
    } catch (error) {
      // who may not list may still be allowed to read
      if (ComponentError.is(error) && isForbidden(error.cause)) return store;
      service[Symbol.dispose]();
      if (!signal.aborted) throw error;
      const message = `connecting to ${service.title} has no answer yet; check endpoint and region`;
      throw new ComponentError('unavailable', message, { cause: error });
    }
    return store;
  }

  get({ name, metadata = {} }: Request & { readonly name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#calls.run(() => this.#read(name, metadata, signal), signal);
  }

  getAll(_request: Request, signal: AbortSignal): Promise<Readonly<Record<string, Secret>>> {
    return this.#calls.run(() => this.#readAll(signal), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.close();
    this.#service[Symbol.dispose]();
  }

  async #readAll(signal: AbortSignal): Promise<Record<string, Secret>> {
    const secrets: [string, Secret][] = [];
    let next: string | undefined;
    do {
      const page: NamesPage = await this.#list(next, signal);
      for (let at = 0; at < page.names.length; at += readAtATime) {
        const names = page.names.slice(at, at + readAtATime);
        const read = await Promise.all(names.map(async (name) => [name, await this.#read(name, {}, signal)] as const));
        // one that is missing was deleted meanwhile
        for (const [name, secret] of read) if (secret !== undefined) secrets.push([name, secret]);
      }
      next = page.next;
    } while (next !== undefined);
    return Object.fromEntries(secrets);
  }

  #read(name: string, metadata: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#ask(
      `getting ${JSON.stringify(name)}`,
      (attempt) => this.#service.get(name, metadata, attempt),
      signal,
    );
  }

  #list(next: string | undefined, signal: AbortSignal): Promise<NamesPage> {
    return this.#ask('listing', (attempt) => this.#service.list(next, attempt), signal);
  }

  async #ask<T>(doing: string, send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await this.#calls.request(send, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw awsError(error, `${doing} in ${this.#service.title}`);
    }
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.name.includes('AccessDenied');
}
