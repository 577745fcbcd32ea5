import type { BulkTopicEvent } from '../app-channel/app-channel.ts';
import type { Span, SpanAttributes, TraceContext, Tracer } from '../tracing.ts';

/** One attempt to give a message to the app. It belongs to the trace that the event names, and begins one where it names none. */
export function deliverySpan(tracer: Tracer, topic: string, event: BulkTopicEvent['entries'][number]['event']): Span {
  return tracer.start(
    `pubsub/${topic}`,
    'consumer',
    typeof event === 'string' ? noTrace : traceOf(event),
    messagingAttributes(topic),
  );
}

/** As Dapr describes a topic. */
export function messagingAttributes(topic: string): SpanAttributes {
  return {
    'messaging.destination': topic,
    'messaging.destination_kind': 'topic',
    'messaging.system': 'pubsub',
  };
}

const noTrace: TraceContext = { traceparent: '', tracestate: '' };

/** The trace that an envelope, or metadata, names. */
export function traceOf(named: Readonly<Record<string, unknown>>): TraceContext {
  const { traceparent = named['traceid'], tracestate } = named;
  return {
    traceparent: typeof traceparent === 'string' ? traceparent : '',
    tracestate: typeof tracestate === 'string' ? tracestate : '',
  };
}
