import { ComponentError, parseMetadata, type RequestMetadata } from '@outrigger/core';
import { pulsarFields } from './fields.ts';
import type { SubscribeType } from './transport.ts';

export interface SubscriptionSettings {
  readonly type: SubscribeType;
  readonly isSync: boolean;
  readonly initialPosition: 'latest' | 'earliest';
  readonly durable: boolean;
  readonly topicsPattern: string | undefined;
  readonly maxConcurrentHandlers: number;
  readonly receiverQueueSize: number;
  readonly redeliveryDelayMs: number;
  readonly replicateSubscriptionState: boolean;
}

const { subscribeType, processMode, subscribeInitialPosition, subscribeMode, topicsPattern } = pulsarFields;
const overridable = { subscribeType, processMode, subscribeInitialPosition, subscribeMode, topicsPattern };

/** The component's settings with what the metadata of one subscription says otherwise. */
export function withRequestMetadata(settings: SubscriptionSettings, metadata: RequestMetadata): SubscriptionSettings {
  const { values, problems } = parseMetadata(overridable, metadata);
  const [problem] = problems;
  if (problem)
    throw new ComponentError('invalid-argument', `subscription metadata ${problem.field}: ${problem.message}`);
  const given = new Set(
    Object.entries(metadata).flatMap(([name, value]) => (value === '' ? [] : [name.toLowerCase()])),
  );
  const has = (name: keyof typeof overridable) => given.has(name.toLowerCase());
  return {
    ...settings,
    ...(has('subscribeType') && { type: values.subscribeType }),
    ...(has('processMode') && { isSync: values.processMode === 'sync' }),
    ...(has('subscribeInitialPosition') && { initialPosition: values.subscribeInitialPosition }),
    ...(has('subscribeMode') && { durable: values.subscribeMode === 'durable' }),
    ...(has('topicsPattern') && { topicsPattern: values.topicsPattern }),
  };
}
