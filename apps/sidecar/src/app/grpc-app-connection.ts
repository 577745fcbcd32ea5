import { abortable, bulkhead, type Bulkhead, ComponentError } from '@outrigger/core';
import { appFailure, dialUntilConnectable, type HeaderMap, UnreachedAppError } from '@outrigger/runtime';

import { type CallStatus, GrpcClient, type GrpcClientOptions, NotGrpcError } from '@outrigger/grpc/client';

export interface GrpcAppConnectionOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** Speak TLS; the app's certificate is not checked. Default: no. */
  readonly tls?: boolean;
  /** Sent as `dapr-api-token` with every call. */
  readonly appToken?: string | undefined;
  /** Calls in flight, first come first served; 0 or absent: no limit. */
  readonly maxConcurrency?: number | undefined;
  /** Longest message to take, in bytes; 0: no limit. Default 4 MiB. */
  readonly maxMessageSize?: number;
  /** Told of each call. Absent: nobody is. */
  readonly log?: GrpcClientOptions['log'] | undefined;
}

export interface AppCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Uint8Array;
  readonly metadata?: HeaderMap;
  /** Not held back by the concurrency limit. */
  readonly unlimited?: boolean;
}

/** What the app has made of a call: also an error is an answer. */
export interface AppCallAnswer {
  readonly status: CallStatus;
  /** Metadata ahead of the message. */
  readonly headers: HeaderMap;
  /** `undefined` where the call has failed. */
  readonly message: Buffer | undefined;
}

/** The connection to an app that speaks gRPC: made when it is first needed, and anew when it was lost. */
export class GrpcAppConnection implements AsyncDisposable {
  readonly client: GrpcClient;
  /** What every call to the app carries. */
  readonly metadata: HeaderMap;
  /** Holds back calls while too many are in flight; who makes calls with {@link client} takes a place for each. */
  readonly limit: Bulkhead | undefined;
  readonly #host: string;
  readonly #port: number;
  readonly #tls: boolean;

  constructor({
    host = '127.0.0.1',
    port,
    tls,
    appToken,
    maxConcurrency,
    maxMessageSize,
    log,
  }: GrpcAppConnectionOptions) {
    this.#host = host;
    this.#port = port;
    this.#tls = tls ?? false;
    this.client = new GrpcClient({
      address: `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`,
      ...(tls !== undefined && { tls }),
      ...(maxMessageSize !== undefined && { maxMessageSize }),
      log,
    });
    this.metadata = appToken ? { 'dapr-api-token': appToken } : {};
    this.limit = maxConcurrency ? bulkhead({ maxConcurrent: maxConcurrency, maxQueue: Infinity }) : undefined;
  }

  /** Resolves once something accepts connections there. */
  listening(signal: AbortSignal): Promise<void> {
    return dialUntilConnectable(this.#host, this.#port, signal);
  }

  /**
   * Resolves once the connection is up. Rejects with ComponentError `unavailable`; where the app speaks another protocol the message
   * names the flag that says so.
   */
  async connected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await abortable(this.client.connected(), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#notConnected(error);
    }
  }

  /**
   * Makes a call with one message each way. Resolves when the app has ended it, however. Rejects with ComponentError
   * `unavailable` when there is no connection or it was lost on the way.
   */
  async call(call: AppCall, signal: AbortSignal): Promise<AppCallAnswer> {
    const limit = call.unlimited ? undefined : this.limit;
    await limit?.enter(signal);
    try {
      const answer = await this.#call(call, signal);
      if (!answer.status.isUntouched) return answer;
      // An app that is closing down has not looked at it; by then it may be back.
      const again = await this.#call(call, signal);
      if (again.status.isUntouched) throw this.#failed(again.status);
      return again;
    } finally {
      limit?.leave();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
  }

  async #call({ path, message, metadata }: AppCall, signal: AbortSignal): Promise<AppCallAnswer> {
    await this.connected(signal);
    const call = this.client.call(path, { ...metadata, ...this.metadata });
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort);
    call.onEnd(() => signal.removeEventListener('abort', onAbort));
    call.end(message);
    const headers = await call.headers();
    const answer = await call.read();
    while ((await call.read()) !== undefined); // a second message is none of ours
    signal.throwIfAborted();
    const { status } = call;
    if (status.isBroken) throw this.#failed(status);
    return { status, headers: headers ?? {}, message: status.status === 'OK' ? answer : undefined };
  }

  #notConnected(error: unknown): unknown {
    if (!ComponentError.is(error)) return error;
    if (error instanceof NotGrpcError) {
      const other = this.#tls ? 'https' : 'http, or grpcs if it wants TLS';
      const message = `${error.message}; if it speaks HTTP, start the sidecar with --app-protocol ${other}`;
      return new ComponentError('unavailable', message, { cause: error });
    }
    const { cause } = error;
    if (!this.#tls || cause === undefined) return new UnreachedAppError(error.message, { cause: error });
    const message = `no connection to ${this.client.address}: ${appFailure(cause, 'grpcs')}`;
    return new UnreachedAppError(message, { cause: error });
  }

  #failed({ message }: CallStatus): ComponentError {
    return new ComponentError('unavailable', `calling the app at ${this.client.address} failed: ${message}`);
  }
}
