import type { GrpcStatusName } from '@outrigger/runtime';

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

export interface CallContext {
  /** The first value of a metadata entry, by lower-case name. */
  metadata(name: string): string | undefined;
  /** Aborts when the caller has cancelled, is gone, or its deadline has passed. */
  readonly signal: AbortSignal;
}

/** One method with its handler. What the handler throws ends the call: an ApiError or {@link GrpcError} with its own status. */
export type ServiceMethod =
  | {
      readonly kind: 'unary';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: UnaryHandler<unknown, unknown>;
    }
  | {
      readonly kind: 'stream';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: StreamHandler<unknown, unknown>;
    };

export type UnaryHandler<I, O> = (request: I, context: CallContext) => Promise<O>;

/** Answers are asked for one by one, as the caller takes them. Requests may be left unread. */
export type StreamHandler<I, O> = (requests: AsyncIterable<I>, context: CallContext) => AsyncIterable<O>;

/** A gRPC service: declared once, served by whichever transport. */
export interface Service {
  /** With its package: `dapr.proto.internals.v1.ServiceInvocation`. */
  readonly name: string;
  readonly methods: readonly ServiceMethod[];
}

/** One request, one answer. */
export function unary<I, O>(description: MethodDescription<I, O>, handle: UnaryHandler<I, O>): ServiceMethod {
  // The codec and the handler agree on the types; nobody looks at them in between.
  return { kind: 'unary', description, handle } as unknown as ServiceMethod;
}

/** Messages both ways. */
export function stream<I, O>(description: MethodDescription<I, O>, handle: StreamHandler<I, O>): ServiceMethod {
  return { kind: 'stream', description, handle } as unknown as ServiceMethod;
}

/** Ends a call with a status of its own. */
export class GrpcError extends Error {
  readonly grpcStatus: GrpcStatusName;

  constructor(grpcStatus: GrpcStatusName, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.grpcStatus = grpcStatus;
  }
}
