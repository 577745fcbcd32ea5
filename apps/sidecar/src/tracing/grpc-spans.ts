import {
  type CallContext,
  GrpcError,
  type Service,
  type ServiceMethod,
  type UnknownMethodHandler,
} from '@outrigger/grpc';
import { ApiError, type Span, type SpanAttributes, type SpanKind, type Tracer } from '@outrigger/runtime';

import { callerTrace } from '../grpc/trace.ts';
import { traceBin } from '../grpc/trace-bin.ts';
import { apiAttributes, invokeSpanName, markedHeaders } from './api-attributes.ts';
import { TracedCall } from './traced-call.ts';

type UnaryMethod = ServiceMethod & { readonly kind: 'unary' };

/**
 * The same services, with a span for each call that has one answer, as Dapr records them. Streams have none: what goes through
 * them has its own.
 */
export function traceServices(services: readonly Service[], tracer: Tracer | undefined): readonly Service[] {
  if (tracer === undefined) return services;
  return services.map((service) => ({
    ...service,
    methods: service.methods.map((method) =>
      method.kind === 'unary' && method.api !== undefined ? traced(tracer, service.name, method) : method,
    ),
  }));
}

function traced(tracer: Tracer, service: string, method: UnaryMethod): ServiceMethod {
  const path = `/${service}/${method.description.name}`;
  const group = method.api?.name ?? '';
  return {
    ...method,
    handle: async (request: unknown, context: CallContext): Promise<unknown> => {
      const fields = request as RequestFields;
      const span = tracer.start(spanName(path, group, fields), 'client', callerTrace(context));
      if (span.sampled) describe(span, context, { ...attributesOf(group, path, fields), ...ofCall(path) });
      answerTrace(span, context);
      try {
        return await method.handle(request, new TracedCall(context, span));
      } catch (error) {
        span.fail(reasonOf(error));
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

/**
 * The same, with a span for each call of an app's own service, under its full name.
 *
 * @param kindOf `server` where the call is for this sidecar's own app
 */
export function traceProxy(
  handler: UnknownMethodHandler,
  tracer: Tracer | undefined,
  kindOf: (context: CallContext) => SpanKind,
): UnknownMethodHandler {
  if (tracer === undefined) return handler;
  return (path, requests, context) => {
    const span = tracer.start(path, kindOf(context), callerTrace(context));
    if (span.sampled) describe(span, context, ofCall(path));
    answerTrace(span, context);
    return untilEnd(span, handler(path, requests, new TracedCall(context, span)));
  };
}

/** A call is served here when it is for the own app. */
export function proxyKind(appId: string): (context: CallContext) => SpanKind {
  return (context) => (context.metadata('dapr-app-id') === appId ? 'server' : 'client');
}

async function* untilEnd<T>(span: Span, answers: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* answers;
  } catch (error) {
    span.fail(reasonOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** What requests have that spans tell of. */
interface RequestFields {
  readonly storeName?: unknown;
  readonly name?: unknown;
  readonly topic?: unknown;
  readonly id?: unknown;
  readonly message?: { readonly method?: unknown } | undefined;
}

function spanName(path: string, group: string, { id, message }: RequestFields): string {
  return group === 'invoke' ? invokeSpanName(textOf(id), textOf(message?.method)) : path;
}

function attributesOf(group: string, statement: string, fields: RequestFields): SpanAttributes {
  const name = textOf(group === 'invoke' ? fields.id : (fields.storeName ?? fields.name));
  return { 'rpc.service': 'Dapr', ...apiAttributes({ group, name, topic: textOf(fields.topic), statement }) };
}

function ofCall(path: string): SpanAttributes {
  return { 'dapr.protocol': 'grpc', 'dapr.api': path };
}

function describe(span: Span, context: CallContext, attributes: SpanAttributes): void {
  for (const [name, value] of Object.entries(context.headers)) {
    for (const [marked, text] of markedHeaders([name, typeof value === 'string' ? value : (value[0] ?? '')])) {
      span.set(marked, text);
    }
  }
  for (const name in attributes) span.set(name, attributes[name] ?? '');
}

/** The caller learns under which span its call is recorded. */
function answerTrace({ traceparent }: Span, context: CallContext): void {
  const binary = traceBin(traceparent);
  if (binary !== undefined) context.sendHeaders({ 'grpc-trace-bin': binary });
}

/** What the caller is told, too. */
function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.grpcMessage;
  return error instanceof GrpcError ? error.message : 'internal error';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
