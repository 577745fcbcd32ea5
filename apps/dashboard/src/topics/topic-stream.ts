import { GrpcClient } from '@outrigger/grpc/client';
import {
  SubscribeTopicEventsRequestAlpha1,
  SubscribeTopicEventsResponseAlpha1,
  type TopicEventRequest,
  TopicEventResponse_TopicEventResponseStatus as Outcome,
} from '@outrigger/protocol/runtime';

import { HttpError } from '../http/http-error.ts';
import type { DashboardInstance } from '../instances/dashboard-instance.ts';
import { textOf } from './payload-text.ts';
import type { WatchedMessage } from './watched-message.ts';

const method = '/dapr.proto.runtime.v1.Dapr/SubscribeTopicEventsAlpha1';

export interface Topic {
  readonly pubsub: string;
  readonly topic: string;
}

/**
 * Subscribes to a topic through the sidecar of an instance, with a consumer id of the dashboard, so that the app goes on getting every
 * message. Yields `undefined` once it is subscribed, then each message, which counts as handled when it has come. Ends when the signal
 * aborts; throws an {@link HttpError} when the sidecar refuses or goes.
 */
export async function* streamTopic(
  { appId, grpcPort, apiToken }: DashboardInstance,
  { pubsub, topic }: Topic,
  signal: AbortSignal,
): AsyncGenerator<WatchedMessage | undefined> {
  if (!grpcPort) throw new HttpError(409, `the sidecar of ${appId} has no gRPC API, through which topics are watched`);
  const client = new GrpcClient({ address: `127.0.0.1:${grpcPort}`, maxMessageSize: 0 });
  try {
    await client.connected();
    const call = client.call(method, apiToken ? { 'dapr-api-token': apiToken } : {});
    const end = (): void => call.cancel();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const metadata = { consumerID: `outrigger-dashboard-${appId}`, temporaryConsumer: 'true' };
    call.send(encode({ initialRequest: { pubsubName: pubsub, topic, metadata } }));
    for (let bytes = await call.read(); bytes !== undefined; bytes = await call.read()) {
      const { eventMessage } = SubscribeTopicEventsResponseAlpha1.decode(bytes);
      if (eventMessage === undefined) {
        yield undefined;
        continue;
      }
      call.send(encode({ eventProcessed: { id: eventMessage.id, status: { status: Outcome.SUCCESS } } }));
      yield shown(eventMessage);
    }
    if (signal.aborted) return;
    const { status, message } = call.status;
    throw new HttpError(502, message || `the sidecar ended the subscription (${status})`);
  } finally {
    client.close();
  }
}

function encode(message: SubscribeTopicEventsRequestAlpha1): Uint8Array {
  return SubscribeTopicEventsRequestAlpha1.encode(message).finish();
}

function shown({ id, topic, type, source, dataContentType, data, extensions }: TopicEventRequest): WatchedMessage {
  const traceparent: unknown = extensions?.['traceparent'];
  const traceId = typeof traceparent === 'string' ? /^00-([0-9a-f]{32})-/.exec(traceparent)?.[1] : undefined;
  return {
    id,
    topic,
    type,
    source,
    contentType: dataContentType,
    ...textOf(data),
    ...(traceId !== undefined && { traceId }),
    at: new Date().toISOString(),
  };
}
