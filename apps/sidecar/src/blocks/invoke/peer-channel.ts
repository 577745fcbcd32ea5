import { ComponentError, type Logger } from '@outrigger/core';
import {
  InternalInvokeRequest,
  InternalInvokeResponse,
  InternalInvokeResponseStream,
  ServiceInvocationDefinition,
} from '@outrigger/protocol';
import { type AppRequest, type AppResponse, type HeaderMap, isReplayable, PeerError } from '@outrigger/runtime';

import type { ClientCall, GrpcClient } from '@outrigger/grpc/client';
import { bytesOf, isWhole, markedUntouched, PeerMessageError, requestHead, responseOf } from './peer-message.ts';
import { cancellable, payloads, send } from './peer-stream.ts';
import { withPeerTrailers } from './peer-trailers.ts';
import { bodyLimit, bytesUpTo, tooLong } from './whole-body.ts';

const { fullName, methods } = ServiceInvocationDefinition;
const streamPath = `/${fullName}/${methods.callLocalStream.name}`;
const unaryPath = `/${fullName}/${methods.callLocal.name}`;

/** Calls the app of another sidecar, over a connection to that. */
export class PeerChannel {
  readonly #client: GrpcClient;
  readonly #bodyLimit: number;
  readonly #logger: Logger;
  /** The peer is a Dapr from before bodies were streamed between sidecars. */
  #isUnary = false;

  /** @param maxBodySize bytes of the longest body that is sent whole; 0: no limit */
  constructor(client: GrpcClient, maxBodySize: number, logger: Logger) {
    this.#client = client;
    this.#bodyLimit = bodyLimit(maxBodySize);
    this.#logger = logger;
  }

  /**
   * Calls on a connection that is up. Rejects with ComponentError `unavailable` when it turns out that the peer has not begun with
   * the call, else with a PeerError that has what the peer said.
   */
  async call(appId: string, request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    if (this.#isUnary) return this.#callUnary(request, signal);
    let started = false;
    const answer = await this.#callStream(request, signal, () => (started = true));
    if (answer !== undefined) return answer;

    this.#isUnary = true;
    this.#logger.warn(
      `the sidecar of ${appId} at ${this.#client.address} does not stream bodies (an old Dapr); they are sent whole from now on`,
    );
    if (started && !isReplayable(request.body)) {
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
    let started = false;
    const call = this.#begin(streamPath, request, signal);
    const sending = send(call, head, request.body, () => {
      started = true;
      onBody();
    });
    const failure = (): unknown =>
      signal.aborted ? signal.reason : (sending.failure ?? failureOf(call, started && !isReplayable(request.body)));
    const leading = await call.read();
    if (leading === undefined) {
      if (call.status.status === 'UNIMPLEMENTED') return undefined;
      if (call.status.status === 'OK') throw new PeerMessageError('the peer ended the call without an answer');
      throw failure();
    }
    try {
      const { payload, response } = InternalInvokeResponseStream.decode(leading);
      const bodiless = responseOf(response, undefined);
      if (bodiless.body !== undefined || isEmpty(request, bodiless)) {
        call.ignoreRest();
        return bodiless;
      }
      if (payload !== undefined && isWhole(bodiless.headers, payload.data)) {
        call.ignoreRest();
        return { ...bodiless, body: payload.data };
      }
      const bytes = bytesOf(payloads(payload, call, failure));
      const answer = { ...bodiless, body: cancellable(bytes, () => call.cancel()) };
      return withPeerTrailers(answer, () => call.status.trailers);
    } catch (error) {
      call.cancel();
      throw error;
    }
  }

  async #callUnary(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const head = requestHead(request);
    const value = await bytesUpTo(this.#bodyLimit, request.body);
    if (value === undefined) throw new PeerError('RESOURCE_EXHAUSTED', tooLong(this.#bodyLimit));
    signal.throwIfAborted();
    const message: InternalInvokeRequest = {
      ...head,
      message: {
        method: '',
        contentType: '',
        ...head.message,
        data: { typeUrl: request.grpc?.dataTypeUrl ?? '', value },
      },
    };
    const call = this.#begin(unaryPath, request, signal);
    call.end(InternalInvokeRequest.encode(message).finish());
    const answer = await call.read();
    if (answer === undefined) throw signal.aborted ? signal.reason : failureOf(call, false);
    call.ignoreRest();
    const response = InternalInvokeResponse.decode(answer);
    const bytes = response.message?.data?.value;
    return responseOf(response, bytes?.byteLength ? bytes : undefined);
  }

  /** Begins a call that ends with the signal. */
  #begin(path: string, { headers }: AppRequest, signal: AbortSignal): ClientCall {
    const call = this.#client.call(path, traceOf(headers));
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort);
    call.onEnd(() => signal.removeEventListener('abort', onAbort));
    return call;
  }
}

const traceHeaders = ['traceparent', 'tracestate', 'baggage'];

function traceOf(headers: HeaderMap): HeaderMap {
  const metadata: Record<string, string | readonly string[]> = {};
  for (const name of traceHeaders) {
    const value = headers[name];
    if (value !== undefined) metadata[name] = value;
  }
  return metadata;
}

function isEmpty({ verb }: AppRequest, { grpc, headers, status }: AppResponse): boolean {
  return (
    (verb === 'HEAD' && grpc === undefined) || status === 204 || status === 304 || headers['content-length'] === '0'
  );
}

function failureOf({ status: ended }: ClientCall, isBodyGone: boolean): Error {
  const { isUntouched, message, status, trailers } = ended;
  if (isUntouched && !isBodyGone) {
    return new ComponentError('unavailable', `rpc error: code = Unavailable desc = ${message}`);
  }
  return new PeerError(status, message, { isUntouched: markedUntouched in trailers && !isBodyGone });
}
