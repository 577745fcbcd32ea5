import type { BindingResponse, Bindings } from '@outrigger/core';
import { asBuffer, type CallContext, type Service, stream, unary } from '@outrigger/grpc';
import {
  InputBindingDefinition,
  OutputBindingDefinition,
  type ReadRequest,
  type ReadResponse,
} from '@outrigger/protocol/components';

import { deliveryStream } from './delivery-stream.ts';
import { failureStatus } from './failure-status.ts';
import { type Instances, unsupported } from './instances.ts';

/** Both directions: which of them a binding has, only its instance can tell. What it lacks is refused when it is called. */
export function bindingServices(instances: Instances<'bindings'>): readonly Service[] {
  const { logger } = instances;
  const [input, output] = [InputBindingDefinition, OutputBindingDefinition];
  const on = async <T>(
    context: CallContext,
    run: (binding: Bindings, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const binding = await instances.of(context);
    try {
      return await run(binding, context.signal);
    } catch (error) {
      throw failureStatus(error, logger);
    }
  };
  const init = async (
    { metadata }: { readonly metadata?: { readonly properties: Record<string, string> } | undefined },
    context: CallContext,
  ): Promise<Record<string, never>> => {
    await instances.init(metadata?.properties ?? {}, context);
    return {};
  };
  return [
    {
      name: input.fullName,
      methods: [
        unary(input.methods.init, init),
        unary(input.methods.ping, () => ({})),
        stream(input.methods.read, async function* (requests, context) {
          const binding = await instances.of(context);
          yield* deliveryStream<ReadRequest, ReadResponse, BindingResponse>({
            requests: requests[Symbol.asyncIterator](),
            context,
            subscribe: async (deliver, signal) => {
              try {
                if (binding.read === undefined) throw unsupported('reading: it is an output binding');
                return await binding.read(
                  ({ data, contentType = '', metadata }) =>
                    deliver({ data: asBuffer(data), contentType, metadata: { ...metadata }, messageId: '' }),
                  signal,
                );
              } catch (error) {
                throw failureStatus(error, logger);
              }
            },
            acknowledgement: ({ messageId: id, responseData, responseError }) => ({
              id,
              answer: responseData.byteLength === 0 ? {} : { data: responseData },
              ...(responseError !== undefined && { error: responseError.message }),
            }),
            numbered: (message, messageId) => ({ ...message, messageId }),
            subscriptions: instances.subscriptionsOf(binding),
            logger,
          });
        }),
      ],
    },
    {
      name: output.fullName,
      methods: [
        unary(output.methods.init, init),
        unary(output.methods.ping, () => ({})),
        unary(output.methods.listOperations, async (_, context) => {
          const { operations } = await instances.of(context);
          return { operations: [...operations] };
        }),
        unary(output.methods.invoke, ({ operation, data, metadata }, context) =>
          on(context, async (binding, signal) => {
            if (binding.invoke === undefined) throw unsupported('calls: it is an input binding');
            const answer = await binding.invoke({ operation, data, metadata }, signal);
            return {
              data: asBuffer(answer.data ?? new Uint8Array()),
              contentType: answer.contentType ?? '',
              metadata: { ...answer.metadata },
            };
          }),
        ),
      ],
    },
  ];
}
