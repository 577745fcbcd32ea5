import type { GrpcStatusName, HeaderMap, PeerIdentity } from '@outrigger/runtime';

/** Turns a message into bytes and back; what the protocol compiler makes. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** One method as the protocol compiler describes it, bound to no transport. */
export interface MethodDescription<I, O> {
  readonly name: string;
  readonly requestType: Codec<I>;
  readonly requestStream: boolean;
  readonly responseType: Codec<O>;
  readonly responseStream: boolean;
}

/** Group and version that Configuration's `api.allowed` and `api.denied` name: `state`, `v1`. */
export interface MethodApi {
  readonly name: string;
  readonly version: string;
}

/** One call on its way through the gRPC edge, whichever transport carries it. */
export interface CallContext {
  /** The first value of a metadata entry, by lower-case name. */
  metadata(name: string): string | undefined;
  /**
   * All metadata as it is on the wire: lower-case names, values of `-bin` entries in base64. What belongs to the transport
   * itself (`:path`, `te`, `grpc-timeout`, …) is left out.
   */
  readonly headers: HeaderMap;
  /** Aborts when the caller has cancelled, is gone, or its deadline has passed. Made when first asked for. */
  readonly signal: AbortSignal;
  /** When the caller's patience ends, in milliseconds since the epoch; `undefined`: never. */
  readonly deadline: number | undefined;
  /** Who the other side of the connection is, by its verified certificate; `undefined`: there is none. */
  readonly peer: PeerIdentity | undefined;
  /** Metadata ahead of the first answer; names and values as in {@link CallContext.headers}. No effect once an answer was sent. */
  sendHeaders(headers: HeaderMap): void;
  /** Metadata behind the last answer, beside the status; also when the handler throws. Several calls add up. */
  addTrailers(trailers: HeaderMap): void;
}

/** One method with its handler. What the handler throws ends the call: an ApiError or {@link GrpcError} with its own status. */
export type ServiceMethod =
  | {
      readonly kind: 'unary';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: UnaryHandler<unknown, unknown>;
      readonly api?: MethodApi;
    }
  | {
      readonly kind: 'stream';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: StreamHandler<unknown, unknown>;
      readonly api?: MethodApi;
    };

export type UnaryHandler<I, O> = (request: I, context: CallContext) => Promise<O> | O;

/**
 * Answers are asked for one by one, as the caller takes them. Requests may be left unread. A generator may return its last answer
 * instead of yielding it: that goes out together with the end of the call.
 */
export type StreamHandler<I, O> = (requests: AsyncIterable<I>, context: CallContext) => AsyncIterable<O, O | void>;

/** Serves a method that no service declares, its messages as bytes that nobody looks into. */
export type UnknownMethodHandler = (
  /** `/package.Service/Method`. */
  path: string,
  requests: AsyncIterable<Uint8Array>,
  context: CallContext,
) => AsyncIterable<Uint8Array>;

/** A gRPC service: declared once, served by whichever transport. */
export interface Service {
  /** With its package: `dapr.proto.internals.v1.ServiceInvocation`. */
  readonly name: string;
  readonly methods: readonly ServiceMethod[];
}

/**
 * One request, one answer.
 *
 * @param api where access to it is ruled by the Configuration; absent: it is always open
 */
export function unary<I, O>(
  description: MethodDescription<I, O>,
  handle: UnaryHandler<I, O>,
  api?: MethodApi,
): ServiceMethod {
  // The codec and the handler agree on the types; nobody looks at them in between.
  return { kind: 'unary', description, handle, ...(api && { api }) } as unknown as ServiceMethod;
}

/** Messages in one direction or both. A server stream has one request. */
export function stream<I, O>(
  description: MethodDescription<I, O>,
  handle: StreamHandler<I, O>,
  api?: MethodApi,
): ServiceMethod {
  return { kind: 'stream', description, handle, ...(api && { api }) } as unknown as ServiceMethod;
}

/** Ends a call with a status of its own. */
export class GrpcError extends Error {
  readonly grpcStatus: GrpcStatusName;
  /** An encoded `google.rpc.Status`, sent as `grpc-status-details-bin`. */
  readonly details: Uint8Array | undefined;

  constructor(grpcStatus: GrpcStatusName, message: string, details?: Uint8Array) {
    super(message);
    this.name = 'GrpcError';
    this.grpcStatus = grpcStatus;
    this.details = details;
  }
}
