import { stat } from 'node:fs/promises';

import { abortable, ComponentError, errorMessage, type Logger } from '@outrigger/core';
import type { MethodDescription } from '@outrigger/grpc';
import { type ClientCall, GrpcClient } from '@outrigger/grpc/client';

import { instanceHeader } from '../services.ts';
import { remoteError } from './remote-error.ts';

/** A method and the service it belongs to. */
export interface RemoteMethod<I, O> {
  readonly service: string;
  readonly method: MethodDescription<I, O>;
}

/** Makes one call on a connection that is up, whether or not the component has been told what it is. */
export type PlainCall = <I, O>(method: RemoteMethod<I, O>, request: I, signal: AbortSignal) => Promise<O>;

export interface ComponentSocketOptions {
  /** Of the socket. */
  readonly path: string;
  /** The resource's name; it tells the process which of its components is meant. */
  readonly instance: string;
  /** Called for each process that is met behind the socket, before anything else is asked of it. */
  readonly init: (call: PlainCall, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** Milliseconds that a process may take to be told what its component is, when it has come back. */
const preparePatience = 30_000;

/**
 * The way to one component in another process: one connection, made when it is needed and again when it was lost. A process that is
 * new, which one knows by its new socket file, is told the component's properties first.
 */
export class ComponentSocket implements AsyncDisposable {
  readonly #options: ComponentSocketOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #client: GrpcClient | undefined;
  /** The socket file whose process knows the component. */
  #known: string | undefined;
  #preparing: Promise<GrpcClient> | undefined;
  #isAway = false;
  #disposed: Promise<void> | undefined;

  constructor(options: ComponentSocketOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#disposed !== undefined;
  }

  /**
   * One request, one answer. Rejects with ComponentError: `unavailable` when the process is not there, or was lost before it answered;
   * with the signal's reason when that aborts, and the process is told.
   */
  async call<I, O>(method: RemoteMethod<I, O>, request: I, signal: AbortSignal, isConditional = false): Promise<O> {
    signal.throwIfAborted();
    if (this.isClosed) throw closed();
    const call = this.#call(method, request, signal, isConditional);
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }

  /** Begins a call with a stream of messages. */
  async open<I, O>(
    { service, method }: RemoteMethod<I, O>,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ClientCall> {
    signal.throwIfAborted();
    if (this.isClosed) throw closed();
    const client = await this.#ready(signal);
    return client.call(`/${service}/${method.name}`, { ...this.#metadata, ...headers });
  }

  /** Resolves when the process is there and knows the component. Rejects with what it says against the properties. */
  async connected(signal: AbortSignal): Promise<void> {
    await abortable(this.#prepare(signal), signal);
  }

  /** Waits for the calls under way. Calls that come later reject with `unavailable`. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= Promise.allSettled(this.#underWay).then(() => this.#client?.close()));
  }

  get #metadata(): Readonly<Record<string, string>> {
    // Metadata is ASCII; a resource's name is, too.
    return { [instanceHeader]: this.#options.instance };
  }

  async #call<I, O>(method: RemoteMethod<I, O>, request: I, signal: AbortSignal, isConditional: boolean): Promise<O> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const outcome = await attemptOf(
        await this.#ready(signal),
        this.#metadata,
        method,
        request,
        signal,
        isConditional,
      );
      // Otherwise the process has not begun with it: it was about to close the connection.
      if (outcome.isAnswered) return outcome.answer;
    }
    throw new ComponentError('unavailable', `${this.#options.path} takes no calls`);
  }

  #ready(signal: AbortSignal): Promise<GrpcClient> {
    const client = this.#client;
    if (client?.isConnected) return Promise.resolve(client);
    // Whoever asked first may give up; the others still wait for it.
    this.#preparing ??= this.#reconnect().finally(() => (this.#preparing = undefined));
    return abortable(this.#preparing, signal);
  }

  async #reconnect(): Promise<GrpcClient> {
    const { path, instance, logger } = this.#options;
    let client: GrpcClient;
    try {
      client = await this.#prepare(AbortSignal.timeout(preparePatience));
    } catch (error) {
      if (!this.#isAway) {
        this.#isAway = true;
        logger.warn(`the process behind ${path}, which has the component ${instance}, is away: ${errorMessage(error)}`);
      }
      throw ComponentError.from(error, 'unavailable');
    }
    if (this.#isAway) {
      this.#isAway = false;
      logger.info(`the process behind ${path}, which has the component ${instance}, is back`);
    }
    return client;
  }

  async #prepare(signal: AbortSignal): Promise<GrpcClient> {
    const { path, init } = this.#options;
    const identity = await socketIdentity(path);
    const client = new GrpcClient({ address: `unix:${path}`, maxMessageSize: 0 });
    try {
      await client.connected();
      // Where another process took the place in between, which of the two this is nobody can tell.
      if ((await socketIdentity(path)) !== identity) throw new ComponentError('unavailable', `${path} was made anew`);
      if (this.#known !== identity) {
        await init(async (method, request, own) => {
          const outcome = await attemptOf(client, this.#metadata, method, request, own, false);
          if (outcome.isAnswered) return outcome.answer;
          throw new ComponentError('unavailable', `${path} takes no calls`);
        }, signal);
      }
      if (this.isClosed) throw closed();
    } catch (error) {
      client.close();
      throw error;
    }
    this.#client?.close();
    this.#client = client;
    this.#known = identity;
    return client;
  }
}

type Outcome<O> = { readonly isAnswered: true; readonly answer: O } | { readonly isAnswered: false };

async function attemptOf<I, O>(
  client: GrpcClient,
  metadata: Readonly<Record<string, string>>,
  target: RemoteMethod<I, O>,
  request: I,
  signal: AbortSignal,
  isConditional: boolean,
): Promise<Outcome<O>> {
  const { service, method } = target;
  const call = client.call(`/${service}/${method.name}`, metadata);
  const cancel = () => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    call.end(method.requestType.encode(request).finish());
    const message = await call.read();
    if (message !== undefined) await call.read();
    signal.throwIfAborted();
    const { status } = call;
    if (status.isUntouched) return { isAnswered: false };
    if (status.status !== 'OK') throw remoteError(status, isConditional);
    if (message === undefined) throw new ComponentError('internal', `${service}/${method.name} answered nothing`);
    return { isAnswered: true, answer: decoded(target, message) };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Which file it is: a process that is started again makes a new one. Rejects when there is none. */
export async function socketIdentity(path: string): Promise<string> {
  try {
    const { dev, ino, birthtimeMs } = await stat(path);
    return `${dev}:${ino}:${birthtimeMs}`;
  } catch (error) {
    throw new ComponentError('unavailable', `there is no socket ${path}`, { cause: error });
  }
}

/** The message in these bytes; throws `internal` when there is none. */
export function decoded<I, O>({ service, method }: RemoteMethod<I, O>, bytes: Uint8Array): O {
  try {
    return method.responseType.decode(bytes);
  } catch (error) {
    throw new ComponentError('internal', `${service}/${method.name} answered what is no message of its type`, {
      cause: error,
    });
  }
}

export function closed(): ComponentError {
  return new ComponentError('unavailable', 'the component is closed');
}
