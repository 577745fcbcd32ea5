import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions as ServerSessionOptions,
} from 'node:http2';
import type { Socket } from 'node:net';

import type { Logger } from '@outrigger/core';
import { grpcStatus } from '@outrigger/runtime';

import { parseTimeout } from './call-deadline.ts';
import { Connection, defaultKeepalive, type Keepalive } from './connection.ts';
import { acceptedEncodings, type MessageEncoding, messageEncoding } from './message-encoding.ts';
import { messageTooLongLog } from './message-too-long.ts';
import { escapeMessage } from './metadata-entries.ts';
import type { CallHost, CallInit } from './server-call.ts';
import {
  type CallContext,
  GrpcError,
  type MethodApi,
  type Service,
  type ServiceMethod,
  type UnknownMethodHandler,
} from './service.ts';
import { StreamCall, type StreamMethod } from './stream-call.ts';
import type { VerifiedPeer } from './tls.ts';
import { decoded, UnaryCall, type UnaryMethod } from './unary-call.ts';

export interface GrpcServerOptions {
  readonly services: readonly Service[];
  /** Takes calls of services that are not among these. Absent: they are answered UNIMPLEMENTED, as unknown methods of these are. */
  readonly unknown?: UnknownMethodHandler;
  /** Asked before each call; throws the error that refuses it. `api` is absent for a method no service has. */
  readonly admit?: (path: string, context: CallContext, api: MethodApi | undefined) => void;
  /**
   * Told of each call; what it hands back is told the status code when the call has ended, and, of a unary one, the bytes of its
   * messages. Absent: nobody is told.
   */
  readonly log?: (
    path: string,
    context: CallContext,
    kind: 'unary' | 'stream',
  ) => (code: number, received: number, sent: number) => void;
  /** Longest message to take, in bytes; 0: no limit. A longer one is refused with RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxMessageSize?: number;
  /** What the user changes to have another limit, for the log: `--max-body-size`. */
  readonly maxMessageSizeSetting?: string;
  /** Bytes of all headers of a call, as HTTP/2 counts them. A call with more is reset. Default 64 KiB. */
  readonly maxHeaderSize?: number;
  /** What to tell the user of a client that does not speak HTTP/2, beside that; it is said once, in the log. */
  readonly notHttp2Hint?: string;
  readonly keepalive?: Partial<Keepalive>;
  readonly logger: Logger;
  /** Told the code of each error of a building block that is answered. */
  readonly onError?: ((errorCode: string) => void) | undefined;
  /** Takes secrets out of the texts of an error that is answered. Default: there are none. */
  readonly hideSecrets?: (text: string) => string;
}

/** Answers gRPC calls on connections that somebody else has accepted. */
export interface GrpcServer {
  /**
   * Serves the calls on a connection, until it ends.
   *
   * @param peer who the client is, by its verified certificate; the connection ends with the last call that began before this is no
   * longer valid
   */
  inject(socket: Socket, peer?: VerifiedPeer): void;
  /** Tells every caller to make no new calls on its connection, which ends with its last call. */
  sayGoodbye(): void;
  /** The same, but new connections may come: these are then verified anew. */
  renewConnections(): void;
  /** Cuts every connection. */
  end(): void;
}

/** A server of these services; it listens nowhere by itself. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new Http2GrpcServer(options);
}

/** How much of one call's messages may be under way, so that the round trip does not bound what a stream can carry. */
const streamWindow = 1024 * 1024;
/** The same for all calls of a connection. What is read of it is given back at once, whether or not a call's reader is slow. */
const connectionWindow = 16 * 1024 * 1024;
const maxConcurrentStreams = 100_000;
const answerAlone = { endStream: true, sendDate: false };

/** What is called under one path. */
type Target =
  | { readonly kind: 'unary'; readonly api: MethodApi | undefined; readonly method: UnaryMethod }
  | { readonly kind: 'stream'; readonly api: MethodApi | undefined; readonly method: StreamMethod };

class Http2GrpcServer implements GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #host: CallHost;
  readonly #keepalive: Keepalive;
  readonly #targets = new Map<string, Target>();
  readonly #connections = new Set<Connection>();
  readonly #sessionOptions: ServerSessionOptions;
  #isLeaving = false;
  #hasSaidNotHttp2 = false;

  constructor(options: GrpcServerOptions) {
    const { maxMessageSize = 4 * 1024 * 1024, logger } = options;
    this.#options = options;
    this.#host = {
      maxMessageSize: maxMessageSize === 0 ? Infinity : maxMessageSize,
      logger,
      hideSecrets: options.hideSecrets,
      onError: options.onError,
      logTooLong: messageTooLongLog(logger, options.maxMessageSizeSetting),
    };
    this.#keepalive = { ...defaultKeepalive, ...options.keepalive };
    this.#sessionOptions = sessionOptions(options.maxHeaderSize ?? 64 * 1024);
    for (const { name, methods } of options.services) {
      for (const method of methods) this.#targets.set(`/${name}/${method.description.name}`, targetOf(method));
    }
  }

  inject(socket: Socket, peer?: VerifiedPeer): void {
    const session = performServerHandshake(socket, this.#sessionOptions);
    session.setLocalWindowSize(connectionWindow);
    const connection = new Connection(session, socket, this.#keepalive, peer);
    this.#connections.add(connection);
    const client = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;
    session.on('error', (error: Error) => {
      if (isNotHttp2(error)) this.#sayNotHttp2(client);
      this.#host.logger.debug(`a gRPC connection failed: ${error.message}`);
      session.destroy();
    });
    session.once('close', () => this.#connections.delete(connection));
    this.#serve(session, connection);
    if (this.#isLeaving) connection.sayGoodbye();
  }

  sayGoodbye(): void {
    this.#isLeaving = true;
    for (const connection of this.#connections) connection.sayGoodbye();
  }

  renewConnections(): void {
    for (const connection of this.#connections) connection.sayGoodbye();
  }

  end(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #sayNotHttp2(client: string): void {
    const { notHttp2Hint: hint } = this.#options;
    if (hint === undefined || this.#hasSaidNotHttp2) return;
    this.#hasSaidNotHttp2 = true;
    this.#host.logger.warn(`a client at ${client} does not speak HTTP/2: ${hint}`);
  }

  #serve(session: ServerHttp2Session, connection: Connection): void {
    session.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
        try {
          this.#begin(connection, stream, headers, rawHeaders);
        } catch (error) {
          refuse(stream, 200, error);
        }
      },
    );
  }

  #begin(
    connection: Connection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ): void {
    const { ':method': verb, ':path': path = '', 'content-type': type, 'grpc-timeout': timeoutText } = headers;
    if (verb !== 'POST') return refuse(stream, 405, new GrpcError('INTERNAL', `gRPC calls are POST, not ${verb}`));
    if (type !== 'application/grpc' && !isGrpc(type)) {
      return refuse(
        stream,
        415,
        new GrpcError('INVALID_ARGUMENT', `invalid gRPC request content-type "${type ?? ''}"`),
      );
    }
    let timeout: number | undefined;
    if (timeoutText !== undefined) {
      timeout = parseTimeout(String(timeoutText));
      if (timeout === undefined) throw new GrpcError('INTERNAL', `malformed grpc-timeout: "${String(timeoutText)}"`);
    }
    const encoding = encodingOf(headers);
    const target = this.#targets.get(path) ?? this.#unknownTarget(path);
    const init: CallInit = { host: this.#host, connection, stream, path, rawHeaders, timeout, encoding };
    connection.callBegan();
    const call = target.kind === 'unary' ? new UnaryCall(init, target.method) : new StreamCall(init, target.method);
    const { log, admit } = this.#options;
    if (log !== undefined) call.onEnded(log(path, call, target.kind));
    if (admit !== undefined) {
      try {
        admit(path, call, target.api);
      } catch (error) {
        call.fail(error);
        return;
      }
    }
    if (target.kind === 'stream') (call as StreamCall).start();
  }

  #unknownTarget(path: string): Target {
    const { unknown, services } = this.#options;
    const [, service = '', name = ''] = /^\/(.+)\/([^/]+)$/.exec(path) ?? [];
    if (service === '') throw new GrpcError('UNIMPLEMENTED', `malformed method name: "${path}"`);
    // As gRPC's server for Go says it. A client that is newer than this server learns from it to do without the method.
    if (services.some((each) => each.name === service)) {
      throw new GrpcError('UNIMPLEMENTED', `unknown method ${name} for service ${service}`);
    }
    if (unknown === undefined) throw new GrpcError('UNIMPLEMENTED', `unknown service ${service}`);
    const method: StreamMethod = {
      decode: (bytes) => bytes,
      encode: (bytes) => bytes as Uint8Array,
      handle: (requests, context) => unknown(path, requests as AsyncIterable<Uint8Array>, context),
    };
    return { kind: 'stream', api: undefined, method };
  }
}

/** What the client sent first is not how HTTP/2 begins: nghttp2's NGHTTP2_ERR_BAD_CLIENT_MAGIC. */
function isNotHttp2(error: Error): boolean {
  return 'errno' in error && error.errno === -903;
}

function sessionOptions(maxHeaderListSize: number): ServerSessionOptions {
  const options = {
    settings: {
      initialWindowSize: streamWindow,
      maxConcurrentStreams,
      maxHeaderListSize,
      enableConnectProtocol: false,
    },
    maxHeaderListPairs: 2000,
    // What HTTP has once, as `from` or `location`, metadata may have more often.
    strictSingleValueFields: false,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    // In megabytes: new calls are refused while more is kept for a connection.
    maxSessionMemory: 1024,
    // A client may give up many calls at once, but not keep on opening and resetting them.
    streamResetBurst: 20_000,
    streamResetRate: 2000,
  };
  return options;
}

function targetOf(method: ServiceMethod): Target {
  if (method.kind === 'unary') return { kind: 'unary', api: method.api, method };
  const { requestType, responseType } = method.description;
  return {
    kind: 'stream',
    api: method.api,
    method: {
      decode: (bytes) => decoded(requestType, bytes),
      encode: (message) => responseType.encode(message).finish(),
      handle: method.handle,
    },
  };
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

function encodingOf(headers: IncomingHttpHeaders): MessageEncoding | undefined {
  const name = headers['grpc-encoding'];
  return name === undefined ? undefined : messageEncoding(String(name));
}

/** Answers what is not a call that can begin. */
function refuse(stream: ServerHttp2Stream, httpStatus: number, error: unknown): void {
  const { grpcStatus: status, message } =
    error instanceof GrpcError ? error : new GrpcError('INTERNAL', 'internal error');
  stream.on('error', () => {});
  if (stream.destroyed || stream.closed) return;
  const headers = {
    ':status': httpStatus,
    'content-type': 'application/grpc',
    'grpc-accept-encoding': acceptedEncodings,
    'grpc-status': String(grpcStatus[status]),
    'grpc-message': escapeMessage(message),
  };
  stream.respond(headers, answerAlone);
  stream.resume();
  stream.close();
}
