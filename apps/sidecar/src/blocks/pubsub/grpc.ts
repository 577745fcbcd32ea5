import type { Logger } from '@outrigger/core';
import { type BulkPublishRequest, DaprDefinition, type PublishEventRequest } from '@outrigger/protocol/runtime';
import type { Runtime } from '@outrigger/runtime';

import { type CallContext, type ServiceMethod, stream, unary } from '@outrigger/grpc';
import { callerTrace } from '../../grpc/trace.ts';
import { subscribeToTopic } from './subscribe-stream.ts';

const { methods } = DaprDefinition;
/** As Dapr calls it, also where the stable method is called. */
const bulkSpanName = '/dapr.proto.runtime.v1.Dapr/BulkPublishEventAlpha1/';

/** Publish, bulk publish and streaming subscriptions. */
export function pubsubMethods(runtime: Pick<Runtime, 'pubsub' | 'subscribe'>, logger: Logger): ServiceMethod[] {
  const publish = async ({ dataContentType, ...event }: PublishEventRequest, context: CallContext) => {
    await runtime.pubsub.publish({ ...event, contentType: dataContentType, ...callerTrace(context) }, context.signal);
    return {};
  };

  const publishMany = async ({ entries, ...target }: BulkPublishRequest, context: CallContext) => {
    const event = {
      ...target,
      ...callerTrace(context),
      spanName: bulkSpanName,
      entries: entries.map(({ event: data, ...entry }) => ({ ...entry, data })),
    };
    return { failedEntries: [...(await runtime.pubsub.publishMany(event, context.signal))] };
  };

  return [
    unary(methods.publishEvent, publish, { name: 'publish', version: 'v1' }),
    unary(methods.bulkPublishEvent, publishMany, { name: 'publish', version: 'v1' }),
    // oxlint-disable-next-line typescript/no-deprecated -- older SDKs call it
    unary(methods.bulkPublishEventAlpha1, publishMany, { name: 'publish', version: 'v1alpha1' }),
    stream(
      methods.subscribeTopicEventsAlpha1,
      (requests, { signal }) => subscribeToTopic(runtime, requests, signal, logger),
      { name: 'subscribe', version: 'v1alpha1' },
    ),
  ];
}
