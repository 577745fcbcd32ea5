import { openComponent } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { describe, expect, it } from 'vitest';

import definition from '../src/index.ts';

const { signal } = new AbortController();

describe('pubsub.example', () => {
  pubSubConformance(
    ({ consumerId }) => openComponent(definition, { consumerID: consumerId, redeliverInterval: '100ms' }),
    { isolated: true, overtakesFailed: true, redeliveredWithinMs: 2000 },
  );

  it('refuses what is published beyond its limit', async () => {
    await using broker = await openComponent(definition, { maxQueuedBytes: '1000' });
    const stuck = Promise.withResolvers<void>();
    await using _ = await broker.subscribe({ topic: 't', metadata: {} }, () => stuck.promise, signal);
    const publish = () => broker.publish({ topic: 't', data: Buffer.alloc(600), metadata: {} }, signal);
    await publish();
    await expect(publish()).rejects.toMatchObject({ code: 'unavailable' });
    stuck.resolve();
  });
});
