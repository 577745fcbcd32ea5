import { type BulkOutcome, ComponentError, type Message, type PubSub } from '@outrigger/core';
import { asBuffer, type CallContext, GrpcError, type Service, stream, unary } from '@outrigger/grpc';
import { PubSubDefinition, type PullMessagesRequest, type PullMessagesResponse } from '@outrigger/protocol/components';
import { capabilitiesOf } from '@outrigger/runtime';

import { minConcurrencyHeader } from '../services.ts';
import { deliveryStream } from './delivery-stream.ts';
import { failureStatus } from './failure-status.ts';
import type { Instances } from './instances.ts';

/** What the protocol has calls for. */
const features: ReadonlySet<string> = new Set(['MESSAGE_TTL', 'SUBSCRIBE_WILDCARDS', 'BULK_PUBSUB']);

export function pubsubServices(instances: Instances<'pubsub'>): readonly Service[] {
  const { fullName: name, methods } = PubSubDefinition;
  const { logger } = instances;
  const on = async <T>(context: CallContext, run: (pubsub: PubSub, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const pubsub = await instances.of(context);
    try {
      return await run(pubsub, context.signal);
    } catch (error) {
      throw failureStatus(error, logger);
    }
  };
  const forEach = async (context: CallContext, what: 'pause' | 'resume'): Promise<Record<string, never>> => {
    const subscriptions = instances.subscriptionsOf(await instances.of(context));
    await Promise.all([...subscriptions].map((subscription) => subscription[what]()));
    return {};
  };
  return [
    {
      name,
      methods: [
        unary(methods.init, async ({ metadata }, context) => {
          await instances.init(metadata?.properties ?? {}, context);
          return {};
        }),
        unary(methods.features, async (_, context) => ({
          features: capabilitiesOf('pubsub', await instances.of(context)).filter((one) => features.has(one)),
        })),
        unary(methods.ping, () => ({})),
        unary(methods.publish, ({ topic, data, contentType, metadata }, context) =>
          on(context, async (pubsub, signal) => {
            await pubsub.publish({ topic, data, metadata, ...(contentType !== '' && { contentType }) }, signal);
            return {};
          }),
        ),
        unary(methods.bulkPublish, ({ topic, entries, metadata }, context) =>
          on(context, async (pubsub, signal) => {
            const messages = entries.map(({ event, ...rest }) => ({ ...rest, data: event }));
            const outcomes = await (pubsub.publishMany?.({ topic, entries: messages, metadata }, signal) ??
              Promise.all(messages.map((message) => outcomeOf(pubsub.publish({ ...message, topic }, signal)))));
            return {
              failedEntries: outcomes.flatMap((outcome, index) =>
                outcome.ok
                  ? []
                  : [{ entryId: entries[index]?.entryId ?? '', error: ComponentError.from(outcome.error).message }],
              ),
            };
          }),
        ),
        stream(methods.pullMessages, async function* (requests, context) {
          const pubsub = await instances.of(context);
          const iterator = requests[Symbol.asyncIterator]();
          const first = await iterator.next();
          const topic = first.done ? undefined : first.value.topic;
          if (!topic?.name) throw new GrpcError('INVALID_ARGUMENT', 'the first message has to name the topic');
          yield* deliveryStream<PullMessagesRequest, PullMessagesResponse, void>({
            requests: iterator,
            context,
            subscribe: async (deliver, signal) => {
              try {
                const minConcurrency = Number(context.metadata(minConcurrencyHeader) ?? 1) || 1;
                const request = {
                  topic: topic.name,
                  metadata: topic.metadata,
                  ...(minConcurrency > 1 && { minConcurrency }),
                };
                return await pubsub.subscribe(request, (message) => deliver(responseOf(message)), signal);
              } catch (error) {
                throw failureStatus(error, logger);
              }
            },
            acknowledgement: ({ ackMessageId: id, ackError }) => ({
              id,
              ...(ackError !== undefined && { error: ackError.message }),
            }),
            numbered: (message, id) => ({ ...message, id }),
            subscriptions: instances.subscriptionsOf(pubsub),
            logger,
          });
        }),
        unary(methods.pause, (_, context) => forEach(context, 'pause')),
        unary(methods.resume, (_, context) => forEach(context, 'resume')),
      ],
    },
  ];
}

function responseOf({ topic, data, contentType = '', metadata }: Message): PullMessagesResponse {
  return { data: asBuffer(data), topicName: topic, contentType, metadata: { ...metadata }, id: '' };
}

function outcomeOf(work: Promise<void>): Promise<BulkOutcome<void>> {
  return work.then(
    (value): BulkOutcome<void> => ({ ok: true, value }),
    (error: unknown): BulkOutcome<void> => ({ ok: false, error }),
  );
}
