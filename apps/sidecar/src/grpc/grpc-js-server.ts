import type {
  handleBidiStreamingCall,
  handleUnaryCall,
  Server,
  MethodDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { errorMessage, type Logger } from '@outrigger/core';
import { ApiError, grpcStatus } from '@outrigger/runtime';

import { type CallContext, GrpcError, type Service, type ServiceMethod } from './service.ts';

type AnyCall =
  | Parameters<handleBidiStreamingCall<unknown, unknown>>[0]
  | Parameters<handleUnaryCall<unknown, unknown>>[0];

/** Serves a service through the gRPC library. What a handler throws without a status of its own is logged and told as INTERNAL. */
export function addService(server: Server, service: Service, logger: Logger): void {
  const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const { name, requestType, requestStream, responseType, responseStream } = method.description;
    definition[name] = {
      path: `/${service.name}/${name}`,
      requestStream,
      responseStream,
      requestSerialize: (message: unknown) => asBuffer(requestType.encode(message).finish()),
      requestDeserialize: (bytes) => requestType.decode(bytes),
      responseSerialize: (message: unknown) => asBuffer(responseType.encode(message).finish()),
      responseDeserialize: (bytes) => responseType.decode(bytes),
    };
    implementation[name] = method.kind === 'unary' ? unaryHandler(method, logger) : streamHandler(method, logger);
  }
  server.addService(definition, implementation);
}

function unaryHandler(method: ServiceMethod & { kind: 'unary' }, logger: Logger): handleUnaryCall<unknown, unknown> {
  return (call, answered) => {
    const handled = async () => method.handle(call.request, contextOf(call));
    handled().then(
      (response) => answered(null, response),
      (error: unknown) => answered(statusOf(error, method, logger)),
    );
  };
}

function streamHandler(
  method: ServiceMethod & { kind: 'stream' },
  logger: Logger,
): handleBidiStreamingCall<unknown, unknown> {
  return (call) => {
    const context = contextOf(call);
    // A failure of the connection is told through the signal.
    call.on('error', () => {});
    const requests = method.description.requestStream ? call : only((call as unknown as { request: unknown }).request);
    answer(call, method.handle(requests, context), context.signal).then(
      () => call.end(),
      (error: unknown) => {
        if (!context.signal.aborted) call.emit('error', statusOf(error, method, logger));
      },
    );
  };
}

/** The request of a server stream, which the library hands over as a value. */
async function* only(request: unknown): AsyncGenerator<unknown> {
  yield request;
}

/** Writes as fast as the caller takes it. */
async function answer(
  call: Parameters<handleBidiStreamingCall<unknown, unknown>>[0],
  responses: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  for await (const response of responses) {
    if (signal.aborted) return;
    if (!call.write(response)) await drained(call, signal);
  }
}

function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.on('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function contextOf(call: AnyCall): CallContext {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort(new Error('the caller has cancelled the call')));
  const deadline = call.getDeadline();
  const time = deadline instanceof Date ? deadline.getTime() : deadline;
  return {
    signal: controller.signal,
    deadline: Number.isFinite(time) ? time : undefined,
    metadata: (name) => call.metadata.get(name)[0]?.toString(),
    get headers() {
      const headers = call.metadata.toHttp2Headers();
      return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    },
    sendHeaders: () => {},
    addTrailers: () => {},
  };
}

function statusOf(error: unknown, method: ServiceMethod, logger: Logger): { code: number; details: string } {
  if (error instanceof ApiError || error instanceof GrpcError) {
    return { code: grpcStatus[error.grpcStatus], details: error.message };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  logger.error(`${method.description.name} failed: ${errorMessage(error)}`, { stack });
  return { code: grpcStatus.INTERNAL, details: 'internal error' };
}

/** The library wants a Buffer; the bytes are not copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
