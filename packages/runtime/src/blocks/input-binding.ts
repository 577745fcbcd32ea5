import {
  type BindingEvent,
  type BindingResponse,
  errorMessage,
  type Logger,
  noPolicy,
  type Policy,
} from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { AppChannel, InputBinding, InputBindingAnswer } from '../app-channel/app-channel.ts';
import type { Span, TraceContext, Tracer } from '../tracing.ts';
import type { OutputBindings } from './bindings.ts';
import { traceOf } from './delivery-span.ts';
import type { Leave } from './subscription-leave.ts';

export interface InputBindingContext {
  readonly binding: InputBinding;
  readonly deliver: NonNullable<AppChannel['deliverBinding']>;
  readonly outputs: OutputBindings;
  /** Around the app's handling of one event; asked with each. */
  readonly inbound: () => Policy | undefined;
  readonly leave: Leave;
  /** Absent: events are not counted. */
  readonly meter?: ComponentMeter | undefined;
  /** Records the handling of an event as a span. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
  /** The app speaks gRPC; for the span. */
  readonly isGrpc?: boolean | undefined;
  readonly logger: Logger;
}

/**
 * Takes an event from its source to the app. Resolves, with what the app answered, when the source may forget it; rejects when
 * the app has failed or the binding is leaving: the source is to keep it where it can.
 */
export async function deliverEvent(
  context: InputBindingContext,
  event: BindingEvent,
  own: AbortSignal,
): Promise<BindingResponse> {
  const { binding, deliver, leave, logger, meter } = context;
  const signal = leave.signalWith(own);
  signal.throwIfAborted();
  let answer: InputBindingAnswer = { to: [], concurrency: 'sequential' };
  const span = context.tracer && bindingSpan(context.tracer, context, event);
  try {
    const handle = () =>
      leave.execute(
        context.inbound() ?? noPolicy,
        async (attempt) => {
          answer = await deliver({ ...event, ...binding, ...(span && { trace: span }) }, attempt);
        },
        signal,
      );
    await (meter === undefined ? handle() : meter.measure('', handle));
  } catch (error) {
    logger.warn(`handling an event of binding ${binding.name} failed: ${errorMessage(error)}`);
    span?.fail('the app did not handle it');
    throw error;
  } finally {
    span?.end();
  }
  await forward(context, answer, span, signal);
  const { data, contentType } = answer;
  return { ...(data !== undefined && { data }), ...(contentType !== undefined && { contentType }) };
}

/** Belongs to the trace that the event's metadata names, and begins one where it names none. */
function bindingSpan(tracer: Tracer, { binding, isGrpc }: InputBindingContext, { metadata }: BindingEvent): Span {
  const { name, path } = binding;
  return tracer.start(`bindings/${name}`, 'consumer', traceOf(metadata), {
    'db.name': name,
    'db.system': 'bindings',
    'db.connection_string': isGrpc ? '/dapr.proto.runtime.v1.AppCallback/OnBindingEvent' : `POST ${path}`,
    'rpc.service': 'Dapr',
  });
}

/**
 * Hands the app's answer to the output bindings it names. A failure is logged and not the event's: the app has handled that, and
 * would get it again.
 */
async function forward(
  { binding, outputs, logger }: InputBindingContext,
  { to, data, concurrency }: InputBindingAnswer,
  trace: TraceContext | undefined,
  signal: AbortSignal,
): Promise<void> {
  const invoke = async (name: string): Promise<boolean> => {
    try {
      const sent = { ...(data !== undefined && { data }), ...(trace && { trace }) };
      await outputs.invoke({ name, operation: 'create', ...sent }, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted(); // cut off at the end: the event goes back, and its answer will come again
      logger.error(`the app's answer to an event of binding ${binding.name} was not taken: ${errorMessage(error)}`);
      return false;
    }
  };
  if (concurrency === 'parallel') {
    await Promise.all(to.map(invoke));
    return;
  }
  for (const name of to) {
    if (!(await invoke(name))) return; // those behind it may count on it, as with Dapr
  }
}
