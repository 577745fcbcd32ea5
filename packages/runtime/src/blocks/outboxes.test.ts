import type { StateStore } from '@outrigger/core';
import { expect, it } from 'vitest';

import { checkOutbox } from './outboxes.ts';

const type = 'state.test';
const properties = { outboxPublishPubsub: 'broker', outboxPublishTopic: 'orders' };
const store: StateStore = {
  features: ['etag'],
  get: () => Promise.resolve(undefined),
  set: () => Promise.resolve(),
  delete: () => Promise.resolve(),
  transact: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

it('an outbox needs a store that takes its marker into any transaction', () => {
  const sharded = { ...store, transactsWithinOneShard: true };
  expect(() => checkOutbox({ type, properties, instance: sharded }, ['broker'])).toThrow(
    /^outboxPublishPubsub: .* this state.test is spread over several servers, .*; take one that is not, or remove the outbox fields$/,
  );
  expect(() => checkOutbox({ type, properties: {}, instance: sharded }, ['broker'])).not.toThrow();
  expect(() => checkOutbox({ type, properties, instance: store }, ['broker'])).not.toThrow();
});
