import { expect, it } from 'vitest';
import { type SubscriptionSettings, withRequestMetadata } from './subscription-settings.ts';

const settings: SubscriptionSettings = {
  type: 'failover',
  isSync: true,
  initialPosition: 'earliest',
  durable: false,
  topicsPattern: undefined,
  maxConcurrentHandlers: 3,
  receiverQueueSize: 4,
  redeliveryDelayMs: 5,
  replicateSubscriptionState: false,
};

it('a subscription without metadata of its own has the settings of the component', () => {
  expect(withRequestMetadata(settings, { subscribeType: '', other: 'x' })).toEqual(settings);
});

it('metadata of a subscription wins over that of the component', () => {
  const metadata = {
    subscribeType: 'key_shared',
    processMode: 'async',
    subscribeInitialPosition: 'latest',
    subscribeMode: 'durable',
    topicsPattern: 'persistent://public/default/a.*',
  };
  expect(withRequestMetadata(settings, metadata)).toEqual({
    ...settings,
    type: 'key_shared',
    isSync: false,
    initialPosition: 'latest',
    durable: true,
    topicsPattern: 'persistent://public/default/a.*',
  });
});

it('says which metadata of a subscription is wrong', () => {
  expect(() => withRequestMetadata(settings, { subscribeType: 'both' })).toThrow(
    /metadata subscribeType: expected one of/,
  );
});
