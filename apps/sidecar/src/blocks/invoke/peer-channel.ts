import type { Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import {
  InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponse,
  InternalInvokeResponseStream,
  ServiceInvocationDefinition,
} from '@outrigger/protocol';
import { type AppRequest, type AppResponse, PeerError } from '@outrigger/runtime';

import { type GrpcJs, statusName } from '../../grpc/grpc-js.ts';
import { asBuffer, bytesOf, bytesOfBody, isWhole, PeerMessageError, requestHead, responseOf } from './peer-message.ts';
import { cancellable, drain, payloads, type PeerStream, send } from './peer-stream.ts';

export interface PeerChannelOptions {
  readonly grpc: GrpcJs;
  readonly client: Client;
  readonly address: string;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly logger: Logger;
}

const { fullName, methods } = ServiceInvocationDefinition;
const streamPath = `/${fullName}/${methods.callLocalStream.name}`;
const unaryPath = `/${fullName}/${methods.callLocal.name}`;

/** One connection to another sidecar, and the calls on it. */
export class PeerChannel {
  readonly #options: PeerChannelOptions;
  #calls = 0;
  #idleSince = performance.now();
  /** The peer is a Dapr from before bodies were streamed between sidecars. */
  #isUnary = false;

  constructor(options: PeerChannelOptions) {
    this.#options = options;
  }

  /** When the last call ended, on the clock of `performance.now()`; infinity while there is one. */
  get idleSince(): number {
    return this.#calls > 0 ? Infinity : this.#idleSince;
  }

  close(): void {
    this.#options.client.close();
  }

  /**
   * Resolves once the connection is up, at once when it is. Rejects with ComponentError `unavailable` when it is not to be had;
   * nothing was sent then.
   */
  async connected(signal: AbortSignal): Promise<void> {
    const { address, client, connectTimeout, grpc } = this.#options;
    const { READY, SHUTDOWN, TRANSIENT_FAILURE } = grpc.connectivityState;
    const channel = client.getChannel();
    const deadline = Date.now() + connectTimeout;
    for (let state = channel.getConnectivityState(true); state !== READY; state = channel.getConnectivityState(true)) {
      if (state === TRANSIENT_FAILURE || state === SHUTDOWN) {
        throw new ComponentError(
          'unavailable',
          `rpc error: code = Unavailable desc = no connection to the sidecar at ${address}`,
        );
      }
      const current = state;
      await new Promise<void>((resolve, reject) => {
        channel.watchConnectivityState(current, deadline, (error) => {
          if (!error) resolve();
          else
            reject(
              new ComponentError(
                'unavailable',
                `no connection to the sidecar at ${address} within ${connectTimeout} ms`,
              ),
            );
        });
      });
      signal.throwIfAborted();
    }
  }

  /** Calls the peer's app. Rejects with a PeerError that has what the peer said. */
  async call(appId: string, request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    if (this.#isUnary) return this.#callUnary(request, signal);
    const body = request.body;
    let started = false;
    const answer = await this.#callStream(request, signal, () => (started = true));
    if (answer !== undefined) return answer;

    this.#isUnary = true;
    const { address, logger } = this.#options;
    logger.warn(
      `the sidecar of ${appId} at ${address} does not stream bodies (an old Dapr); they are sent whole from now on`,
    );
    if (started && body !== undefined && !(body instanceof Uint8Array)) {
      throw new PeerError(
        'UNIMPLEMENTED',
        `the sidecar of ${appId} does not take streamed bodies; send the request again`,
      );
    }
    return this.#callUnary(request, signal);
  }

  /** `undefined` when the peer does not know the method. `onBody` is called before a streamed body is first read. */
  async #callStream(request: AppRequest, signal: AbortSignal, onBody: () => void): Promise<AppResponse | undefined> {
    const head = requestHead(request);
    const call: PeerStream = this.#options.client.makeBidiStreamRequest<
      InternalInvokeRequestStream,
      InternalInvokeResponseStream
    >(
      streamPath,
      (message) => asBuffer(InternalInvokeRequestStream.encode(message).finish()),
      (bytes) => InternalInvokeResponseStream.decode(bytes),
      this.#metadata(request),
      {},
    );
    this.#track(call, signal);
    const failure = (error: unknown): unknown => {
      if (signal.aborted) return signal.reason;
      return sending.failure ?? peerError(error);
    };
    const sending = send(call, head, request.body, onBody);
    const messages: AsyncIterator<InternalInvokeResponseStream> = call[Symbol.asyncIterator]();
    let leading;
    try {
      leading = await messages.next();
    } catch (error) {
      if (isUnimplemented(error)) return undefined;
      throw failure(error);
    }
    try {
      if (leading.done) throw new PeerMessageError('the peer ended the call without an answer');
      const { payload, response } = leading.value;
      const bodiless = responseOf(response, undefined);
      if (bodiless.body !== undefined || isEmpty(request, bodiless)) {
        drain(messages);
        return bodiless;
      }
      if (payload !== undefined && isWhole(bodiless.headers, payload.data)) {
        drain(messages);
        return { ...bodiless, body: payload.data };
      }
      const bytes = bytesOf(payloads(payload, messages, failure));
      return { ...bodiless, body: cancellable(bytes, () => call.cancel()) };
    } catch (error) {
      call.cancel();
      throw failure(error);
    }
  }

  async #callUnary(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const head = requestHead(request);
    const value = await bytesOfBody(request.body);
    signal.throwIfAborted();
    const message: InternalInvokeRequest = {
      ...head,
      message: { method: '', contentType: '', ...head.message, data: { typeUrl: '', value } },
    };
    const response = await new Promise<InternalInvokeResponse>((resolve, reject) => {
      const call = this.#options.client.makeUnaryRequest<InternalInvokeRequest, InternalInvokeResponse>(
        unaryPath,
        (one) => asBuffer(InternalInvokeRequest.encode(one).finish()),
        (bytes) => InternalInvokeResponse.decode(bytes),
        message,
        this.#metadata(request),
        (error, answer) => {
          if (answer !== undefined) resolve(answer);
          else reject(signal.aborted ? signal.reason : peerError(error));
        },
      );
      this.#track(call, signal);
    });
    const bytes = response.message?.data?.value;
    return responseOf(response, bytes?.byteLength ? bytes : undefined);
  }

  #metadata({ headers }: AppRequest): Metadata {
    const metadata = new this.#options.grpc.Metadata();
    for (const name of ['traceparent', 'tracestate', 'baggage']) {
      const value = headers[name];
      if (typeof value === 'string') metadata.set(name, value);
    }
    return metadata;
  }

  /** Cancels the call with the signal, and counts it as long as it lasts. */
  #track(call: { cancel(): void; on(event: 'status', listener: () => void): unknown }, signal: AbortSignal): void {
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#calls++;
    call.on('status', () => {
      signal.removeEventListener('abort', onAbort);
      this.#calls--;
      this.#idleSince = performance.now();
    });
  }
}

function isEmpty({ verb }: AppRequest, { headers, status }: AppResponse): boolean {
  return verb === 'HEAD' || status === 204 || status === 304 || headers['content-length'] === '0';
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function isUnimplemented(error: unknown): boolean {
  return isServiceError(error) && statusName(error.code) === 'UNIMPLEMENTED';
}

function peerError(error: unknown): Error {
  if (isServiceError(error)) return new PeerError(statusName(error.code), error.details, { cause: error });
  return error instanceof Error ? error : new Error(errorMessage(error));
}
